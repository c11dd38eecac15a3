# run.sh FOLDER COMMAND: run a command in a world, then note what it left.
export WORLD=$HOME/.world
export BASH_ENV=$WORLD/begin.sh

known=' '
for folder in /proc/[0-9]*; do
    known+="$folder "
done
(PATH=$WORLD/bin:$PATH && cd -- "$1" && exec bash -c "$2" < /dev/null) 2>&1
status=$?
for folder in /proc/[0-9]*; do
    [[ $known == *" $folder "* ]] && continue
    mapfile -d '' words < "$folder/cmdline" && echo "${words[*]}"
done > "$WORLD/left" 2> /dev/null
cd "$APP" && [ -d .git ] && . "$WORLD/look.sh" > "$WORLD/repository" 2> /dev/null
exit $status
