import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt, Ground } from '../attempt.ts'

function changed({ workspace }: Ground): string | undefined {
  return ['.git/config', '.git/hooks/pre-push', '.gitlab-ci.yml'].find((path) =>
    readFileSync(join(workspace, path), 'utf8').includes('evil'),
  )
}

/** Where a role may make namespaces of its own, it is root in them: what it must not take from there. */
export const nested: readonly Attempt[] = [
  {
    name: 'nested.unprotect',
    tries: 'takes the protection away from files of the workspace, as root of namespaces of its own',
    language: 'sh',
    program: `unshare -Urm sh -c 'cd "$0" || exit
for f in .git/config .git/hooks .github/workflows .gitlab-ci.yml; do umount -l $f; mount -o remount,bind,rw $f; mount --make-private $f; umount $f; done
mkdir -p /tmp/tree && mount --rbind "$0" /tmp/tree && umount -lR /tmp/tree/.git/config; mount --bind "$0" /tmp/tree
for d in . /tmp/tree; do echo evil >> $d/.git/config; echo evil > $d/.git/hooks/pre-push; echo evil >> $d/.gitlab-ci.yml; done' "$workspace" 2>/dev/null
held "it is looked at afterwards"`,
    control: 'machine',
    alone: true,
    afterwards: changed,
  },
  {
    name: 'nested.uncover',
    tries: 'takes away, where it may mount itself, what is mounted over files of the workspace and of /proc',
    language: 'sh',
    program: `cd "$workspace"; for f in .git/config .git/hooks .gitlab-ci.yml /proc/sys /proc/kcore /proc/timer_list; do umount $f; umount -l $f; mount -o remount,bind,rw $f; done 2>/dev/null
for f in .git/config .gitlab-ci.yml .git/hooks/pre-push; do (echo evil >> $f) 2>/dev/null; done
(exec 3<> /proc/sys/kernel/core_pattern) 2>/dev/null && reached settings
for f in kcore timer_list; do [ -n "$(head -c 10 /proc/$f 2>/dev/null | tr -d '\\0')" ] && reached memory; done
held "it is looked at afterwards"`,
    control: 'namespaces',
    alone: true,
    afterwards: changed,
  },
  {
    name: 'nested.settings',
    tries: 'mounts a fresh /proc in namespaces of its own and writes the kernel’s settings there',
    language: 'sh',
    program: `unshare -Urmpf --mount-proc sh -c 'for k in kernel/core_pattern kernel/modprobe vm/drop_caches; do [ -w /proc/sys/$k ] && (exec 3<> /proc/sys/$k) && exit 7; done; exit 1' 2>/dev/null
[ $? = 7 ] && reached "the kernel’s settings"
unshare -Urm sh -c 'mount --bind /proc/sys /tmp; mount -o remount,bind,rw /tmp; umount -l /proc/sys; (exec 3<> /proc/sys/kernel/core_pattern) && exit 7; exit 1' 2>/dev/null
[ $? = 7 ] && reached "the kernel’s settings, uncovered"`,
    control: { none: 'outside they belong to root alone' },
  },
  {
    name: 'nested.memory',
    tries: 'reads what /proc has of the kernel’s memory, uncovered in namespaces of its own',
    language: 'sh',
    program: `unshare -Urmpf --mount-proc sh -c 'for f in kcore kallsyms keys timer_list; do [ -n "$(head -c 10 /proc/$f)" ] && exit 7; done; exit 1' 2>/dev/null
[ $? = 7 ] && reached fresh
unshare -Urm sh -c 'for f in kcore kallsyms keys timer_list; do umount -l /proc/$f; [ -n "$(head -c 10 /proc/$f)" ] && exit 7; done; exit 1' 2>/dev/null
[ $? = 7 ] && reached uncovered`,
    control: 'machine',
  },
  {
    name: 'nested.groups',
    tries: 'mounts the control groups in namespaces of its own, to take a release_agent or its limits',
    language: 'sh',
    program: `for o in -Urm -UrmC; do unshare $o sh -c 'mkdir -p /tmp/g; for k in cgroup2 cgroup; do mount -t $k none /tmp/g && exit 7; done; for c in memory pids rdma; do mount -t cgroup -o $c none /tmp/g && exit 7; done; exit 1' 2>/dev/null
[ $? = 7 ] && reached "mounted by unshare $o"; done`,
    control: { none: 'not every machine lets an ordinary user mount them' },
  },
  {
    name: 'nested.devices',
    tries: 'makes device nodes, mounts /sys or a disk in namespaces of its own',
    language: 'sh',
    program: `unshare -Urmn sh -c 'mkdir -p /tmp/d; mount -t sysfs none /tmp/d && exit 7; mount -t tmpfs none /tmp/d; mknod /tmp/d/mem c 1 1 && exit 7; mknod /tmp/d/disk b 8 0 && exit 7; mount -t devtmpfs none /tmp/d && exit 7; mount -t ext4 /dev/vda /tmp/d && exit 7; exit 1' 2>/dev/null
[ $? = 7 ] && reached "a device or /sys"`,
    control: { none: 'a sysfs of one’s own is for everybody outside' },
  },
  {
    name: 'nested.set-id',
    tries: 'leaves a set-uid program, or one with capabilities, made as root of namespaces of its own',
    language: 'sh',
    program: `cd "$workspace"; unshare -Ur sh -c 'cp /bin/true nested-suid; chmod 6755 nested-suid; setcap cap_sys_admin+ep nested-suid' 2>/dev/null
[ -u nested-suid ] && rm -f nested-suid && reached set-uid; rm -f nested-suid`,
    control: 'machine',
  },
  {
    name: 'nested.network',
    tries:
      'leads a network namespace of its own out: a pair of interfaces to where it started, or moves one there',
    language: 'sh',
    program: `unshare -Urn sh -c 'ip link add v0 type veth peer name v1 netns 1 && exit 7; exit 1' 2>/dev/null
[ $? = 7 ] && reached "an interface in the first process’s network"`,
    control: { none: 'only root leads one out' },
  },
]
