import type { Attempt } from '../attempt.ts'

const offTheMachine = { none: 'no attempt leaves this machine' } as const
const unreachable = String.raw`$! == POSIX::ENETUNREACH() || $! == POSIX::EPERM() || $! == POSIX::EADDRNOTAVAIL() || $! == POSIX::EHOSTUNREACH() or reached("there is a way: $!"); held($!);`
const query = String.raw`my $q = pack('n6', 7, 0x0100, 1, 0, 0, 0) . "\6canary\7example\3net\0" . pack('n2', 1, 1);`

/** A datagram or a connection to this address, and what the kernel says of the way there. */
function to(
  name: string,
  tries: string,
  address: string,
  port: number,
  kind: 'tcp' | 'udp' = 'udp',
): Attempt {
  const family = address.includes(':') ? 6 : 4
  const packed =
    family === 6
      ? `pack_sockaddr_in6(${port}, inet_pton(AF_INET6, '${address}'))`
      : `pack_sockaddr_in(${port}, inet_aton('${address}'))`
  return {
    name,
    tries,
    program: String.raw`use Socket qw(:all); ${query} socket(my $s, ${family === 6 ? 'PF_INET6' : 'PF_INET'}, ${kind === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM'}, 0) or held($!);
      setsockopt($s, SOL_SOCKET, SO_BROADCAST, 1); local $SIG{ALRM} = sub { reached('it was sent, and nothing came back') }; alarm 3;
      ${kind === 'tcp' ? `connect($s, ${packed})` : `defined send($s, $q, 0, ${packed})`} and reached('sent'); ${unreachable}`,
    control: offTheMachine,
  }
}

const families: Readonly<Record<string, number>> = {
  ax25: 3,
  appletalk: 5,
  x25: 9,
  packet: 17,
  rds: 21,
  can: 29,
  tipc: 30,
  bluetooth: 31,
  alg: 38,
  nfc: 39,
  vsock: 40,
  kcm: 41,
  qipcrtr: 42,
  smc: 43,
  xdp: 44,
}
const netlinks: Readonly<Record<string, number>> = {
  usersock: 2,
  xfrm: 6,
  selinux: 7,
  iscsi: 8,
  audit: 9,
  connector: 11,
  netfilter: 12,
  uevent: 15,
  generic: 16,
  crypto: 21,
}

/** Ways out past the proxy. */
export const network: readonly Attempt[] = [
  {
    name: 'loopback.tcp',
    tries: 'connects to a port on the machine’s loopback',
    program: String.raw`use Socket; secret(dial(PF_INET, SOCK_STREAM, pack_sockaddr_in($ground{tcp4}, INADDR_LOOPBACK)));`,
    control: 'machine',
  },
  {
    name: 'loopback.tcp-other-addresses',
    tries: 'connects to it as 127.0.0.2, 0.0.0.0 and by a mapped address',
    program: String.raw`
      use Socket qw(:all); for my $a ('127.0.0.2', '0.0.0.0', '127.255.255.254') { socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($ground{tcp4}, inet_aton($a))) or next; sysread($s, my $t, 100); $t and secret($t) }
      for my $a ('::ffff:127.0.0.1', '::ffff:0.0.0.0') { socket(my $s, PF_INET6, SOCK_STREAM, 0) or next; connect($s, pack_sockaddr_in6($ground{tcp4}, inet_pton(AF_INET6, $a))) or next; sysread($s, my $t, 100); $t and secret($t) } held($!);`,
    control: 'machine',
  },
  {
    name: 'loopback.tcp6',
    tries: 'connects to a port on the machine’s IPv6 loopback',
    program: String.raw`use Socket qw(:all); $ground{tcp6} or unavailable('no IPv6'); secret(dial(PF_INET6, SOCK_STREAM, pack_sockaddr_in6($ground{tcp6}, inet_pton(AF_INET6, '::1'))));`,
    control: 'machine',
  },
  {
    name: 'loopback.udp',
    tries: 'asks a port on the machine’s loopback by UDP',
    program: String.raw`use Socket; secret(dial(PF_INET, SOCK_DGRAM, pack_sockaddr_in($ground{udp4}, INADDR_LOOPBACK)));`,
    control: 'machine',
  },
  {
    name: 'loopback.mayfly',
    tries: 'connects to Mayfly’s own server, gateway and log past its proxy',
    program: String.raw`use Socket; for my $p (split /,/, $ground{mayfly}) { socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($p, INADDR_LOOPBACK)) and reached($p) } held($!);`,
    control: 'machine',
  },
  {
    name: 'loopback.every-port',
    tries: 'looks for anything that listens on its loopback beside its proxy',
    program: String.raw`use Socket; my @open; for my $p (1 .. 9999) { next if $p == 3128; socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($p, INADDR_LOOPBACK)) and push @open, $p } @open and reached("@open"); held('nothing');`,
    control: { none: 'not every machine has something there' },
  },
  {
    name: 'network.interfaces',
    tries: 'finds an interface but lo, or a route',
    program: String.raw`my @i = grep { $_ ne 'lo' } slurp('/proc/net/dev') =~ /^\s*(\S+):/mg; my @r = split /\n/, slurp('/proc/net/route'); @i and reached("@i"); @r > 1 and reached("$r[1]"); held('none');`,
    control: { none: 'not every machine has one' },
  },
  to('network.tcp', 'connects to an address by TCP', '192.0.2.1', 443, 'tcp'),
  to('network.tcp6', 'connects to an IPv6 address', '2001:db8::1', 443, 'tcp'),
  to('network.quic', 'speaks QUIC to an address (UDP 443)', '192.0.2.1', 443),
  to('network.quic6', 'speaks QUIC to an IPv6 address', '2001:db8::1', 443),
  to('network.ntp', 'asks a time server', '192.0.2.1', 123),
  to('network.multicast', 'sends to a multicast group', '239.255.255.250', 1900),
  to('network.multicast6', 'sends to all nodes of the link', 'ff02::1', 5353),
  to('network.broadcast', 'sends to everybody on the link', '255.255.255.255', 67),
  to('network.link-local', 'sends to a link-local address', 'fe80::1', 53),
  to('network.private', 'connects to the router of a private network', '192.168.0.1', 80, 'tcp'),
  to('network.docker-host', 'connects to the host of a container', '172.17.0.1', 2375, 'tcp'),
  to('metadata.aws', 'asks the cloud’s metadata service', '169.254.169.254', 80, 'tcp'),
  to('metadata.aws6', 'asks it by IPv6', 'fd00:ec2::254', 80, 'tcp'),
  to('metadata.azure', 'asks Azure’s wire server', '168.63.129.16', 80, 'tcp'),
  to('metadata.alibaba', 'asks Alibaba’s metadata service', '100.100.100.200', 80, 'tcp'),
  to('metadata.ecs', 'asks for the credentials of an ECS task', '169.254.170.2', 80, 'tcp'),
  to('dns.udp', 'asks a name server by UDP', '192.0.2.53', 53),
  to('dns.tcp', 'asks a name server by TCP', '192.0.2.53', 53, 'tcp'),
  to('dns.tls', 'asks a name server by TLS (DoT)', '192.0.2.53', 853, 'tcp'),
  to('dns.udp6', 'asks a name server by IPv6', '2001:db8::53', 53),
  to('dns.multicast', 'asks the link (mDNS)', '224.0.0.251', 5353),
  to('dns.link', 'asks the link (LLMNR)', '224.0.0.252', 5355),
  {
    name: 'dns.loopback',
    tries: 'asks a name server on its loopback: systemd-resolved, dnsmasq, Docker’s',
    program: String.raw`use Socket; ${query} for my $a ('127.0.0.1', '127.0.0.53', '127.0.0.11', '127.0.0.54') { socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, pack_sockaddr_in(53, inet_aton($a))) or next; syswrite($s, $q); local $SIG{ALRM} = sub {}; vec(my $w = '', fileno($s), 1) = 1; select($w, undef, undef, 0.5) and defined sysread($s, my $t, 512) and reached($a) } held($!);`,
    control: { none: 'not every machine has one' },
  },
  {
    name: 'dns.resolver',
    tries: 'has the C library look a name up, with a secret in it',
    language: 'sh',
    program:
      '[ -s /etc/resolv.conf ] && reached resolv.conf; grep "^hosts:" /etc/nsswitch.conf | grep -qE "dns|resolve|mdns|myhostname|sss" && reached nsswitch; timeout 5 getent ahosts canary.example.com && reached getent',
    control: { none: 'not every machine has a name server' },
  },
  {
    name: 'dns.daemon',
    tries: 'has a daemon of the machine look it up (nscd, resolved’s varlink and bus)',
    language: 'sh',
    program:
      'for s in /run/nscd/socket /var/run/nscd/socket /run/systemd/resolve/io.systemd.Resolve /run/dbus/system_bus_socket; do [ -S $s ] && reached $s; done',
    control: { none: 'not every machine has one' },
  },
  {
    name: 'network.raw',
    tries: 'makes raw sockets: ICMP, IP, packets of the link, also by the old type of AF_INET',
    program: String.raw`use Socket; for my $f ([2, 3, 1], [2, 3, 255], [10, 3, 58], [2, 10, 0x300], [17, 3, 0x300], [17, 2, 0x300]) { socket(my $s, $f->[0], $f->[1], $f->[2]) and reached("@$f") } held($!);`,
    control: 'root-machine',
  },
  {
    name: 'network.ping',
    tries: 'pings an address without a raw socket',
    program: String.raw`use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 1) or held($!); defined send($s, pack('C2 n3', 8, 0, 0, 1, 1), 0, pack_sockaddr_in(0, inet_aton('192.0.2.1'))) and reached('sent'); held($!);`,
    control: offTheMachine,
  },
  {
    name: 'network.protocols',
    tries: 'sends by another protocol: SCTP, DCCP, UDP-Lite, MPTCP',
    program: String.raw`use Socket; for my $p ([1, 132], [5, 132], [6, 33], [2, 136], [1, 262]) { socket(my $s, PF_INET, $p->[0], $p->[1]) or next; connect($s, pack_sockaddr_in(443, inet_aton('192.0.2.1'))) and reached("@$p"); ${unreachable.replace('held($!);', '')} } held($!);`,
    control: offTheMachine,
  },
  {
    name: 'network.fast-open',
    tries: 'sends data with the first packet, past who looks at connect (MSG_FASTOPEN, sendmsg)',
    program: String.raw`use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); defined send($s, 'canary', 0x20000000, pack_sockaddr_in(443, inet_aton('192.0.2.1'))) and reached('sent'); ${unreachable}`,
    control: offTheMachine,
  },
  {
    name: 'network.configure',
    tries: 'gives itself an address, a route or an interface (netlink, ioctl)',
    program: String.raw`
      use Socket; socket(my $n, 16, SOCK_RAW, 0) or held($!); my $b = pack('C C S i I I', 0, 0, 1, 0, 0, 0); my $link = pack('S S a6 x2', 10, 3, "esc0\0"); my $info = pack('S S S S a6 x2', 18, 18, 10, 1, "dummy\0");
      my $m = pack('C x S i I I', 0, 0, 0, 0, 0) . pack('S S a5 x3', 9, 3, "esc0\0") . pack('S S S S a6 x2', 16, 18, 10, 1, "dummy\0"); send($n, pack('L S S L L', 16 + length $m, 16, 0x605, 1, 0) . $m, 0, pack('S x2 L L', 16, 0, 0));
      sysread($n, my $a, 4096); my $e = unpack('l', substr($a, 16, 4)); $e == 0 and reached('an interface'); $! = -$e; $e == -1 or reached("let through: $!");
      socket(my $s, PF_INET, SOCK_DGRAM, 0); my $r = pack('a16 S S a4 x8', 'lo', 2, 0, inet_aton('192.0.2.1')); call('ioctl', fileno($s), 0x8916, $r) == 0 and reached('an address'); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'network.options',
    tries:
      'marks, binds and spoofs what it sends (SO_MARK, SO_BINDTODEVICE, IP_TRANSPARENT, IP_FREEBIND with a foreign source)',
    program: String.raw`use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0); setsockopt($s, SOL_SOCKET, 36, pack('i', 1)) and reached('mark'); setsockopt($s, 0, 19, pack('i', 1)) and reached('transparent'); held($!);`,
    control: 'root-machine',
  },
  ...Object.entries(families).map(([name, family]): Attempt => ({
    name: `family.${name}`,
    tries: `makes a socket of the family ${name}, which no network namespace holds or which no build needs`,
    program: String.raw`for my $type (1, 2, 3, 5) { for my $p (0, ${family === 31 ? '1, 2, 3' : '3'}) { socket(my $s, ${family}, $type, $p) and reached("type $type") } } held($!);`,
    control: { none: 'not every kernel has it' },
  })),
  ...Object.entries(netlinks).map(([name, protocol]): Attempt => ({
    name: `netlink.${name}`,
    tries: `speaks to the kernel by netlink, protocol ${name}`,
    program: String.raw`for my $type (2, 3) { socket(my $s, 16, $type, ${protocol}) and reached("type $type") } held($!);`,
    control: ['usersock', 'generic', 'uevent'].includes(name)
      ? 'machine'
      : { none: 'not every kernel has it' },
  })),
]
