# What a repository is like: each part begins with a line of its name.
unset ${!GIT_*}
echo "@head"
git symbolic-ref -q HEAD || git rev-parse HEAD
echo "@refs"
git for-each-ref --format='%(refname) %(objectname)'
echo "@remote"
git --git-dir=.git/origin.git for-each-ref --format='%(refname) %(objectname)'
echo "@index"
git ls-files --stage
echo "@upstream"
git config --local --get-regexp '^(branch|remote)\.' | sort
echo "@ongoing"
(cd .git && ls -d MERGE_HEAD REVERT_HEAD CHERRY_PICK_HEAD rebase-merge rebase-apply 2> /dev/null)
echo "@commits"
git log --all --topo-order --reverse --format='%H%x00%T%x00%P%x00%B%x00'
