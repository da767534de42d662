import type { Attempt, Control } from '../attempt.ts'

/** A system call that a step has no use for, with arguments that do nothing where it is let through. */
function refused(name: string, tries: string, call: string, control: Control): Attempt {
  return { name, tries, program: `${call};`, control }
}

const through = (args: string) => `let_through(${args})`
const newNamespaces: Readonly<Record<string, number>> = {
  mount: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
}

/** The kernel's doors: calls that change the machine, and those through which most of its holes were found. */
export const kernel: readonly Attempt[] = [
  refused(
    'kernel.io-uring',
    'sets up io_uring, whose requests no filter of system calls sees',
    String.raw`my $p = "\0" x 120; my $fd = call('io_uring_setup', 2, $p); $fd >= 0 and reached($fd); held($!)`,
    'machine',
  ),
  refused(
    'kernel.io-uring-enter',
    'enters and registers with io_uring',
    through(`'io_uring_register', -1, 0, 0, 0`),
    'machine',
  ),
  refused(
    'kernel.bpf',
    'loads a BPF program or makes a map',
    String.raw`my $a = pack('L4', 2, 4, 8, 1) . "\0" x 100; let_through('bpf', 0, $a, 72)`,
    'root-machine',
  ),
  refused(
    'kernel.perf',
    'counts events of the machine (perf_event_open)',
    String.raw`my $a = pack('L L Q', 1, 112, 0) . "\0" x 96; let_through('perf_event_open', $a, -1, 0, -1, 0)`,
    'root-machine',
  ),
  refused(
    'kernel.userfaultfd',
    'holds the kernel up in the middle of a copy (userfaultfd)',
    through(`'userfaultfd', 1`),
    'machine',
  ),
  refused(
    'kernel.keyring-read',
    'reads the keyring of its user',
    String.raw`my $t = "\0" x 100; my $n = call('keyctl', 11, $ground{key} + 0, $t, 100); $n > 0 and secret($t); held($!)`,
    'machine',
  ),
  refused(
    'kernel.keyring-add',
    'puts a key into the keyring of its user',
    String.raw`my ($t, $d, $p) = ("user\0", "escape\0", 'x'); my $k = call('add_key', $t, $d, $p, 1, -4); $k > 0 and call('keyctl', 9, $k, -4), reached($k); held($!)`,
    'machine',
  ),
  refused(
    'kernel.keyring-request',
    'asks for a key by name',
    String.raw`my ($t, $d) = ("user\0", "escape-$ground{pid}\0"); my $k = call('request_key', $t, $d, 0, -4); $k > 0 and reached($k); held($!)`,
    'machine',
  ),
  refused(
    'kernel.log',
    'reads the kernel’s messages (syslog, /dev/kmsg)',
    String.raw`open(my $k, '<', '/dev/kmsg') and reached('kmsg'); call('syslog', 10, 0, 0) >= 0 and reached('syslog'); held($!)`,
    'root-machine',
  ),
  refused('kernel.module', 'loads a module', through(`'init_module', 0, 0, 0`), 'root-machine'),
  refused(
    'kernel.module-file',
    'loads a module from a file',
    through(`'finit_module', -1, 0, 0`),
    'root-machine',
  ),
  refused(
    'kernel.module-remove',
    'removes a module',
    String.raw`my $n = "escape-no-such\0"; let_through('delete_module', $n, 0)`,
    'root-machine',
  ),
  refused('kernel.kexec', 'loads another kernel', through(`'kexec_load', 0, 17, 0, 0`), 'root-machine'),
  refused(
    'kernel.kexec-file',
    'loads another kernel from a file',
    through(`'kexec_file_load', -1, -1, 0, 0, 0`),
    'root-machine',
  ),
  refused('kernel.reboot', 'reboots the machine', through(`'reboot', 0, 0, 0, 0`), 'root-machine'),
  refused(
    'kernel.swap-on',
    'swaps to a file of its own',
    String.raw`my $f = "/escape-no-such\0"; let_through('swapon', $f, 0)`,
    'root-machine',
  ),
  refused(
    'kernel.swap-off',
    'turns swapping off',
    String.raw`my $f = "/escape-no-such\0"; let_through('swapoff', $f)`,
    'root-machine',
  ),
  refused(
    'kernel.accounting',
    'has processes accounted to a file of its own',
    String.raw`my $f = "/escape-no-such\0"; let_through('acct', $f)`,
    'root-machine',
  ),
  refused(
    'kernel.time',
    'sets the clock (settimeofday, clock_settime)',
    String.raw`my $t = pack('q q', -1, -1); call('settimeofday', $t, 0) == 0 and reached('set'); my $first = $! + 0; call('clock_settime', 0, $t) == 0 and reached('set'); $first == POSIX::EPERM() && $! == POSIX::EPERM() and held($!); reached("let through: $!")`,
    'root-machine',
  ),
  refused(
    'kernel.time-adjust',
    'adjusts the clock (adjtimex, clock_adjtime)',
    String.raw`my $t = pack('L', 0x4000) . "\xff" x 204; call('adjtimex', $t) >= 0 and reached('adjtimex'); $! == POSIX::EPERM() and held($!); reached("let through: $!")`,
    'root-machine',
  ),
  refused(
    'kernel.hostname',
    'names the machine',
    String.raw`my $n = 'escape'; call('sethostname', $n, 6) == 0 and reached('named'); call('setdomainname', $n, 6) == 0 and reached('domain'); held($!)`,
    'root-namespaces',
  ),
  refused(
    'kernel.ports',
    'takes the processor’s ports (iopl, ioperm, /dev/port)',
    String.raw`open(my $p, '+<', '/dev/port') and reached('port'); call('ioperm', 0x80, 1, 1) == 0 and reached('ioperm'); $! == POSIX::ENOSYS() and unavailable($!); held($!)`,
    'root-machine',
  ),
  refused(
    'kernel.quota',
    'changes quotas (quotactl, quotactl_fd)',
    String.raw`call('quotactl_fd', -1, 0x80000100, 0, 0); my $fd = $! + 0; $fd == POSIX::EBADF() and reached('let through'); let_through('quotactl', 0x80000100, 0, 0, 0)`,
    'machine',
  ),
  refused('kernel.hang-up', 'hangs up the terminal of others', String.raw`let_through('vhangup')`, {
    none: 'it would',
  }),
  refused(
    'kernel.fanotify',
    'watches the files of the machine (fanotify)',
    through(`'fanotify_init', 0, 0`),
    'root-machine',
  ),
  refused(
    'kernel.inotify',
    'watches a folder of the machine (inotify)',
    String.raw`my $fd = call('inotify_init1', 0); my $p = "$ground{secret_file}\0"; call('inotify_add_watch', $fd, $p, 0xfff) >= 0 and reached('watching'); held($!)`,
    'machine',
  ),
  refused(
    'kernel.numa',
    'binds memory to nodes, a way of many holes (mbind)',
    through(`'mbind', 0, 0, 0, 0, 0, 0`),
    'machine',
  ),
  refused(
    'kernel.hidden-memory',
    'takes memory that the machine cannot look into (memfd_secret)',
    through(`'memfd_secret', 0`),
    'machine',
  ),
  refused(
    'kernel.personality',
    'turns the layout of addresses off for what it starts (personality)',
    String.raw`call('personality', 0x0040000) >= 0 or held($!); my $now = call('personality', 0xffffffff); $now & 0x0040000 and reached('off'); held($now)`,
    'machine',
  ),
  refused(
    'kernel.executable-data',
    'makes all memory executable for what it starts (READ_IMPLIES_EXEC)',
    String.raw`call('personality', 0x0400000) >= 0 or held($!); my $now = call('personality', 0xffffffff); $now & 0x0400000 and reached('on'); held($now)`,
    'machine',
  ),
  ...Object.entries(newNamespaces).map(([name, flag]) =>
    refused(
      `namespaces.unshare-${name}`,
      `makes a new ${name} namespace (unshare)`,
      through(`'unshare', ${flag}`),
      name === 'user' ? 'machine' : 'root-machine',
    ),
  ),
  ...Object.entries(newNamespaces).map(([name, flag]) =>
    refused(
      `namespaces.clone-${name}`,
      `starts a process in a new ${name} namespace (clone)`,
      String.raw`my $pid = call('clone', ${flag} | 17, 0, 0, 0, 0); POSIX::_exit(0) if $pid == 0; $pid > 0 and reached($pid); held($!)`,
      name === 'user' ? 'machine' : 'root-machine',
    ),
  ),
  refused(
    'namespaces.clone3',
    'starts a process by clone3, whose flags no filter sees',
    String.raw`my $a = pack('Q8', 0x10000000, 0, 0, 0, 17, 0, 0, 0); my $pid = call('clone3', $a, 64); POSIX::_exit(0) if $pid == 0; $pid > 0 and reached($pid); held($!)`,
    'machine',
  ),
  refused(
    'namespaces.clone-high',
    'hides the flags of clone in the high half of a register',
    String.raw`my $pid = call('clone', (1 << 32) | 0x10000000 | 17, 0, 0, 0, 0); POSIX::_exit(0) if $pid == 0; $pid > 0 and reached($pid); held($!)`,
    'machine',
  ),
  refused(
    'namespaces.enter',
    'enters the namespaces of the first process, or its own once more (setns)',
    String.raw`for my $pid (1, 'self') { for my $n (qw(user mnt pid net ipc uts cgroup)) { open(my $f, '<', "/proc/$pid/ns/$n") or next; my $r = call('setns', fileno($f), 0); $r == 0 || $! == POSIX::EINVAL() and reached("$n of $pid") } } held($!)`,
    'machine',
  ),
  refused(
    'namespaces.enter-process',
    'enters all namespaces of a process at once (setns of a pidfd)',
    String.raw`my $fd = call('pidfd_open', getppid() + 0, 0); let_through('setns', $fd, 0x7e020000)`,
    'root-machine',
  ),
  {
    name: 'namespaces.programs',
    tries: 'runs unshare, nsenter, bwrap and chroot',
    language: 'sh',
    program:
      'unshare -Ur true 2>/dev/null && reached unshare; unshare -m true 2>/dev/null && reached unshare; chroot / true 2>/dev/null && reached chroot; bwrap --ro-bind / / true 2>/dev/null && reached bwrap',
    control: 'machine',
  },
  {
    name: 'kernel.x32',
    tries: 'makes a system call by its x32 number, which a filter of numbers does not know',
    program: String.raw`(POSIX::uname())[4] eq 'x86_64' or unavailable('x32 is of x86-64'); $! = 0; my $pid = syscall(0x40000000 + 39); $pid > 0 and reached($pid); $! == POSIX::ENOSYS() and unavailable('this kernel has none'); held($!);`,
    control: 'machine',
    dies: 'SYS',
  },
  {
    name: 'kernel.i386',
    tries: 'makes a system call by the door of 32-bit programs, whose numbers mean something else',
    language: 'c',
    program: 'i386.c',
    control: 'machine',
    dies: 'SYS',
  },
  refused(
    'kernel.core-pattern',
    'names the program that the kernel starts outside when something crashes',
    String.raw`for my $k (qw(core_pattern modprobe hotplug poweroff_cmd core_pipe_limit)) { open(my $f, '+<', "/proc/sys/kernel/$k") and reached($k) } held($!)`,
    'root-machine',
  ),
  refused(
    'kernel.settings',
    'writes settings of the kernel',
    String.raw`for my $k (glob('/proc/sys/kernel/{panic,hostname,domainname,randomize_va_space,sysrq} /proc/sys/vm/{drop_caches,overcommit_memory} /proc/sys/fs/{file-max,protected_symlinks,suid_dumpable} /proc/sys/net/ipv4/{ip_forward,ping_group_range} /proc/sys/user/*')) { open(my $f, '+<', $k) and reached($k) } held($!)`,
    'root-machine',
  ),
  refused(
    'kernel.binfmt',
    'registers an interpreter that runs as root (binfmt_misc)',
    String.raw`open(my $f, '>', '/proc/sys/fs/binfmt_misc/register') and reached('register'); held($!)`,
    { none: 'not mounted everywhere' },
  ),
  refused(
    'kernel.sysrq',
    'presses the magic key',
    String.raw`-e '/proc/sysrq-trigger' or unavailable('there is none'); open(my $f, '>', '/proc/sysrq-trigger') and reached('open'); held($!)`,
    'root-machine',
  ),
  refused(
    'kernel.memory',
    'reads the kernel’s memory, addresses and keys',
    String.raw`for my $f (qw(/proc/kcore /proc/kallsyms /proc/keys /proc/kmsg /proc/kpageflags /proc/timer_list /proc/slabinfo /proc/vmallocinfo /proc/iomem /dev/mem /dev/kmem)) { open(my $k, '<', $f) or next; sysread($k, my $t, 10) and reached($f) } held('nothing to read')`,
    'machine',
  ),
  refused(
    'kernel.devices-settings',
    'writes what /proc has of buses, interrupts and file systems',
    String.raw`for my $f (glob('/proc/irq/default_smp_affinity /proc/irq/*/smp_affinity /proc/bus/pci/*/* /proc/fs/*/*/* /proc/mtrr /proc/acpi/* /proc/scsi/scsi')) { -f $f or next; open(my $k, '+<', $f) and reached($f) } held($!)`,
    'root-machine',
  ),
  refused(
    'kernel.sysfs',
    'reads or writes /sys: power, devices, firmware, security modules',
    String.raw`opendir(my $d, '/sys') or held($!); my @n = grep { !/^\./ } readdir $d; @n and reached("@n"); held('empty')`,
    'machine',
  ),
  refused(
    'cgroup.release-agent',
    'names a program that the kernel starts when a group is empty (release_agent)',
    String.raw`for my $f (glob('/sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent /tmp/cg/release_agent')) { open(my $k, '+<', $f) and reached($f) } my @groups = glob('/sys/fs/cgroup/*'); @groups and reached($groups[0]); held('there are no groups to see')`,
    'machine',
  ),
  refused(
    'cgroup.mount',
    'mounts the groups to take a release_agent',
    String.raw`my ($s, $t, $k, $o) = ("cgroup\0", "/tmp\0", "cgroup\0", "none,name=escape\0"); call('mount', $s, $t, $k, 0, $o) == 0 and reached('mounted'); held($!)`,
    'root-namespaces',
  ),
]
