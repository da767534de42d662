import type { Attempt } from '../attempt.ts'

/** Descriptors, terminals and sockets: what a process has without asking for it, and what it finds by name. */
export const descriptors: readonly Attempt[] = [
  {
    name: 'descriptors.open',
    tries: 'finds a descriptor beyond 0, 1 and 2 that was open before it began',
    program: String.raw`
      opendir(my $d, '/proc/self/fd'); my $own = fileno($d);
      my @more = grep { /^\d+$/ && $_ > 2 && $_ != $own && (readlink("/proc/self/fd/$_") // '') !~ m{/descriptors\.open|/escape-said} } readdir $d;
      @more and reached(map { "$_ " . (readlink("/proc/self/fd/$_") // '') } @more);`,
    control: 'machine',
    alone: true,
  },
  {
    name: 'descriptors.folder',
    tries: 'opens a file of the machine below a folder that the CI’s agent left open',
    program: String.raw`
      for my $fd (3 .. 255) { secret($_) for grep { /canary/ } slurp("/proc/self/fd/$fd/$ground{secret_name}") }`,
    control: 'machine',
    alone: true,
  },
  {
    name: 'descriptors.first-process',
    tries: 'takes a descriptor of the first process of its namespace from /proc',
    program: String.raw`
      for my $pid (1, getppid) { next if $pid == getppid && $pid != 1; for my $fd (0 .. 63) { readlink("/proc/$pid/fd/$fd") and reached("$fd of $pid") } }`,
    control: { none: 'the machine’s own first process is not to be tried' },
  },
  {
    name: 'descriptors.input',
    tries: 'reads what the caller has on its standard input',
    program: String.raw`sysread(STDIN, my $said, 100); secret($said);`,
    control: {
      none: 'the driver of the suite gives its programs /dev/null; see test/hostile/sandbox/standard-input.test.ts',
    },
  },
  {
    name: 'sockets.abstract',
    tries: 'connects to an abstract Unix socket of the machine',
    program: String.raw`secret(dial(1, 1, pack('S a*', 1, "\0escape-$ground{pid}")));`,
    control: 'machine',
  },
  {
    name: 'sockets.abstract-x11',
    tries: 'connects to the X server’s abstract socket',
    program: String.raw`secret(dial(1, 1, pack('S a*', 1, "\0/tmp/.X11-unix/X$ground{pid}")));`,
    control: 'machine',
  },
  {
    name: 'sockets.abstract-dbus',
    tries: 'connects to the session bus’s abstract socket',
    program: String.raw`secret(dial(1, 1, pack('S a*', 1, "\0/tmp/dbus-$ground{pid}")));`,
    control: 'machine',
  },
  {
    name: 'sockets.abstract-all',
    tries: 'connects to every abstract socket that /proc/net/unix names',
    program: String.raw`
      for (split /\n/, slurp('/proc/net/unix')) { my ($name) = /@(\S+)$/ or next; $name =~ /escape-/ or next;
        socket(my $s, 1, 1, 0); connect($s, pack('S a*', 1, "\0$name")) or next; sysread($s, my $said, 100); $said =~ /canary/ and secret($said) }`,
    control: 'machine',
  },
  {
    name: 'sockets.path-tmp',
    tries: 'connects to a Unix socket in /tmp of the machine',
    program: String.raw`use Socket; secret(dial(1, 1, pack_sockaddr_un($ground{socket_tmp})));`,
    control: 'machine',
  },
  {
    name: 'sockets.path-shm',
    tries: 'connects to a Unix socket in /dev/shm of the machine',
    program: String.raw`use Socket; secret(dial(1, 1, pack_sockaddr_un($ground{socket_shm})));`,
    control: 'machine',
  },
  {
    name: 'sockets.path-tools',
    tries: 'connects to a Unix socket in a folder that it sees read-only',
    program: String.raw`use Socket; secret(dial(1, 1, pack_sockaddr_un($ground{socket_tools})));`,
    control: 'machine',
  },
  {
    name: 'sockets.path-workspace',
    tries: 'connects to a Unix socket that a program of the machine has in the workspace',
    program: String.raw`use Socket; chdir $ground{workspace}; secret(dial(1, 1, pack_sockaddr_un('agent/agent.sock')));`,
    control: 'machine',
  },
  {
    name: 'sockets.datagram-workspace',
    tries: 'sends a datagram to a Unix socket of the machine from one in the workspace',
    program: String.raw`use Socket; chdir $ground{workspace}; socket(my $s, 1, 2, 0); bind($s, pack_sockaddr_un("mine-$$"));
      my $sent = send($s, 'x', 0, pack_sockaddr_un($ground{socket_tmp})); my $why = $!; unlink "mine-$$"; reached('sent') if defined $sent || $why =~ /wrong type/; held($why);`,
    control: 'machine',
  },
  {
    name: 'sockets.daemons',
    tries:
      'finds a socket of docker, podman, containerd, the system bus, systemd, udev, the journal or an agent',
    program: String.raw`
      my @places = map { +"/run/$_", "/var/run/$_" } qw(docker.sock podman/podman.sock containerd/containerd.sock crio/crio.sock dbus/system_bus_socket
        systemd/private systemd/notify systemd/journal/socket systemd/journal/stdout udev/control nscd/socket snapd.socket acpid.socket);
      -S $_ and reached($_) for @places, '/dev/log', glob('/run/user/*/bus /run/user/*/podman/podman.sock /run/user/*/gnupg/* /tmp/ssh-*/agent.* /tmp/.X11-unix/*');
      $ENV{$_} and reached("$_ is set") for qw(SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS DOCKER_HOST DISPLAY WAYLAND_DISPLAY XAUTHORITY GPG_AGENT_INFO);
      held('none of them');`,
    control: { none: 'not every machine has one of them' },
  },
  {
    name: 'sockets.pair-tipc',
    tries: 'makes a pair of sockets of a family that it may not have (socketpair is a call of its own)',
    program: String.raw`my $pair = pack('i2', 0, 0); let_through('socketpair', 30, 1, 0, $pair);`,
    control: { none: 'the module of TIPC is not everywhere' },
  },
  {
    name: 'terminal.push',
    tries: 'types into the terminal of whoever started it (TIOCSTI)',
    program: String.raw`
      my $key = "x"; open(my $tty, '+<', '/dev/tty'); my $fd = fileno($tty) // 0;
      for my $high (0, 1 << 32) { call('ioctl', $fd, 0x5412 | $high, $key) == 0 and reached('typed') } held($!);`,
    control: { none: 'a kernel of today refuses it to everybody (dev.tty.legacy_tiocsti)' },
  },
  {
    name: 'terminal.console',
    tries: 'pastes into the console (TIOCLINUX) or redirects it (TIOCCONS)',
    program: String.raw`
      my $paste = "\3"; for my $fd (0 .. 2) { for my $request (0x541c, 0x541d) { call('ioctl', $fd, $request, $paste) == 0 and reached($request) } } held($!);`,
    control: { none: 'needs a console' },
  },
  {
    name: 'terminal.open',
    tries:
      'opens a terminal of the machine: its controlling one, the console, a virtual one, a pseudo one of somebody',
    program: String.raw`
      for my $name ('tty', 'console', 'tty0', 'tty1', 'ttyS0', map { "pts/$_" } 0 .. 9) { open(my $t, '+<', "/dev/$name") and reached($name) } held($!);`,
    control: { none: 'not every machine has one' },
  },
]
