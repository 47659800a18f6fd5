# Makes a user, runs user-manager/inside.sh for them in namespaces of its own, and takes everything away again.
#
# hold.sh NAME CGROUP INSIDE   (as root; INSIDE is the text of inside.sh)
#
# It lives as long as its standard input is open. So whatever ends the test, even SIGKILL, ends this too, and it cleans
# up. On its standard output: the pid that owns the namespaces, the user's uid and gid, then what inside.sh says.
set -eu
name=$1 cgroup=$2 inside=$3

clean_up() {
    # The kernel lets go of a cgroup a moment after its last process.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        test -d "$cgroup" || break
        find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep .1
    done
    # It warns of a mail folder that never was.
    userdel --remove "$name" 2>/dev/null
}
trap clean_up EXIT

# Without skeleton files: nothing is in the home but what a test puts there.
useradd --create-home --skel /nonexistent --no-log-init --shell /bin/sh "$name"
mkdir "$cgroup"
uid=$(id -u "$name") gid=$(id -g "$name")

# In a subshell that enters the cgroup and becomes unshare: its cgroup namespace begins there, and this script, which has
# to remove the cgroup, stays outside. A shell has to be process 1 in there: a user manager refuses to.
sh -euc '
    cgroup=$1 inside=$2
    shift 2
    echo $$ >"$cgroup/cgroup.procs"
    echo "$$ $2 $3"
    exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc sh -euc "$inside" inside "$@"
' enter "$cgroup" "$inside" "$name" "$uid" "$gid"
