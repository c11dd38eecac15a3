# repository.sh: make a repository of what lies in steps/NUMBER (whole trees, oldest first), and a remote that has it.
set -e
git init -q --template= -b "$BRANCH" .
for step in "$WORLD"/steps/*; do
    git ls-files -z | xargs -0 -r rm -f
    cp -R "$step/files/." .
    git add -A
    git commit -q --allow-empty -F "$step/message"
    [ -s "$step/name" ] && git rev-parse HEAD > ".git/$(cat "$step/name")"
done
git init -q --bare --template= .git/origin.git
git remote add origin "$PWD/.git/origin.git"
[ "$UPSTREAM" = none ] || git push -q -u origin "$BRANCH"
if [ -d "$WORLD/now" ]; then
    cp -R "$WORLD/now/." .
    git add -A
fi
