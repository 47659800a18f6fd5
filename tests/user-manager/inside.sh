# The machine that a user manager of systemd wants to see, and the manager in it.
#
# inside NAME UID GID   (as root and process 1, in new mount, cgroup and pid namespaces)
#
# It says `ready` once the manager is up, and ends, with all that runs in there, when its standard input is closed.
name=$1 uid=$2 gid=$3

# This namespace's own part of the cgroup tree, as if it were the whole.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# A /run of its own. It has to be a mount point: some sandbox options put an empty one there otherwise.
mount -t tmpfs -o mode=755 tmpfs /run
# The manager goes by the first to see that systemd runs the machine; sandboxes and credentials need the others.
mkdir -p /run/systemd/system /run/systemd/unit-root /run/credentials /run/lock
# Without it `systemctl freeze` says that the machine can't do that.
mkdir -p /sys/fs/cgroup/init.scope

# The journal: in memory, of this namespace alone.
mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' \
    >/run/systemd/journald.conf.d/test.conf
mkdir -p /run/log/journal
/lib/systemd/systemd-journald >&2 &
journal=$!
until test -S /run/systemd/journal/stdout; do
    kill -0 $journal
    sleep .02
done

mkdir -p "/run/user/$uid"
mount -t tmpfs -o "mode=700,uid=$uid,gid=$gid,size=64M" tmpfs "/run/user/$uid"

# The cgroup that the manager of the machine would hand over to the user. By this path `journalctl --user` tells whose a
# message is.
own=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service
mkdir -p "$own"
chown "$uid:$gid" "$own" "$own/cgroup.procs" "$own/cgroup.subtree_control" "$own/cgroup.threads"

as_user() {
    exec setpriv --reuid "$uid" --regid "$gid" --clear-groups env -i \
        HOME="/home/$name" USER="$name" LOGNAME="$name" SHELL=/bin/sh PATH=/usr/local/bin:/usr/bin:/bin \
        XDG_RUNTIME_DIR="/run/user/$uid" SYSTEMD_LOG_TARGET=journal "$@"
}
(
    echo 0 >"$own/cgroup.procs"
    as_user /lib/systemd/systemd --user >&2
) &
manager=$!

# It fails until the manager listens, then waits until all units of the start are done. A unit of the machine's that
# fails (`degraded`) is not our matter.
until state=$(as_user systemctl --user is-system-running --wait 2>/dev/null) || test "$state" = degraded; do
    kill -0 $manager
    sleep .02
done
echo ready

read -r _ || true
# The units end in order, so that none leaves anything behind; then the manager. A unit that does not end is killed.
kill -TERM $manager
(
    sleep 20
    kill -KILL $manager
) &
wait $manager || true
