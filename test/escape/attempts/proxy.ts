import type { Attempt } from '../attempt.ts'

const ask = String.raw`
  use Socket; my ($h, $p) = ($ENV{HTTPS_PROXY} // $ENV{https_proxy} // '') =~ m{//([^:/]+):(\d+)} or held('no proxy');
  sub ask { my ($text) = @_; socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($p, inet_aton($h))) or held("proxy: $!"); $SIG{PIPE} = 'IGNORE'; syswrite($s, $text);
    my $got = ''; local $SIG{ALRM} = sub { die }; eval { alarm 4; while (sysread($s, $got, 65536, length $got)) { last if $got =~ /canary-/ || length $got > 100_000 } }; alarm 0; return $got }
  sub verdict { my ($got) = @_; $got =~ /canary-/ and secret($got); $got =~ m{^HTTP/1\.\d 2} and reached(substr $got, 0, 60); held(($got =~ /(mayfly: [^\r\n]{0,90})/)[0] // substr($got, 0, 60)) }`

/** A tunnel to this authority, as it is written: `PORT` is that of a program on the machine’s loopback that tells its secret. */
function tunnel(name: string, tries: string, authority: string, control: Attempt['control']): Attempt {
  return {
    name: `proxy.${name}`,
    tries,
    program: String.raw`${ask} my $a = pack('H*', '${Buffer.from(authority).toString('hex')}'); $a =~ s/PORT/$ground{tcp4}/; verdict(ask("CONNECT $a HTTP/1.1\r\nHost: $a\r\n\r\n"));`,
    control,
  }
}

const nobody = { none: 'no proxy or resolver outside knows it' } as const
const loopbacks: Readonly<Record<string, readonly [authority: string, control: Attempt['control']]>> = {
  loopback: ['127.0.0.1:PORT', 'machine'],
  'loopback-name': ['localhost:PORT', 'machine'],
  'loopback-name-dot': ['localhost.:PORT', nobody],
  'loopback-name-case': ['LocalHost:PORT', 'machine'],
  'loopback-decimal': ['2130706433:PORT', 'machine'],
  'loopback-hex': ['0x7f000001:PORT', 'machine'],
  'loopback-hex-parts': ['0x7f.0.0.0x1:PORT', 'machine'],
  'loopback-octal': ['0177.0.0.01:PORT', 'machine'],
  'loopback-short': ['127.1:PORT', 'machine'],
  'loopback-zero': ['0:PORT', 'machine'],
  'loopback-zeros': ['0.0.0.0:PORT', 'machine'],
  'loopback-other': ['127.3.2.1:PORT', nobody],
  'loopback-dot': ['127.0.0.1.:PORT', nobody],
  loopback6: ['[::1]:PORT', nobody],
  'loopback6-any': ['[::]:PORT', nobody],
  'loopback-mapped': ['[::ffff:127.0.0.1]:PORT', 'machine'],
  'loopback-mapped-hex': ['[::ffff:7f00:1]:PORT', 'machine'],
  'loopback-compatible': ['[::127.0.0.1]:PORT', nobody],
  'loopback-nat64': ['[64:ff9b::7f00:1]:PORT', nobody],
  'loopback-6to4': ['[2002:7f00:1::]:PORT', nobody],
  'loopback-scope': ['[::1%25lo]:PORT', nobody],
  'loopback-fullwidth': ['１27.0.0.1:PORT', nobody],
}
const metadata: Readonly<Record<string, string>> = {
  metadata: '169.254.169.254:80',
  'metadata-decimal': '2852039166:80',
  'metadata-octal': '0251.0376.0251.0376:80',
  'metadata-mapped': '[::ffff:169.254.169.254]:80',
  metadata6: '[fd00:ec2::254]:80',
  'metadata-azure': '168.63.129.16:80',
  'metadata-google': 'metadata.google.internal:80',
}
/** Names that a careless comparison would take for the host that is granted. */
const names: Readonly<Record<string, string>> = {
  'name-suffix': 'git.example.com.collector.example.net:443',
  'name-prefix': 'collector-git.example.com:443',
  'name-nul': 'git.example.com\0.collector.example.net:443',
  'name-escaped-nul': 'git.example.com%00.collector.example.net:443',
  'name-user': 'git.example.com:443@collector.example.net:443',
  'name-backslash': 'collector.example.net\\@git.example.com:443',
  'name-space': 'collector.example.net git.example.com:443',
  'name-tab': 'collector.example.net\tgit.example.com:443',
  'name-idna-dot': 'git。example.com:443',
  'name-idna-width': 'ｇit.example.com:443',
  'name-punycode': 'xn--git-example-com.example.net:443',
  'name-wildcard': '*.example.com:443',
  'name-empty': ':443',
  'name-long': `${'a.'.repeat(120)}example.com:443`,
  'port-other': 'git.example.com:22',
  'port-zero': 'git.example.com:0',
  'port-large': 'git.example.com:65979',
  'port-none': 'git.example.com',
  'wildcard-apex': 'allowed.example.net:443',
  'wildcard-suffix': 'notallowed.example.net:443',
  'dns-https': 'dns.google:443',
  'dns-https-address': '1.1.1.1:443',
  'dns-tls': 'dns.quad9.net:853',
  shell: 'collector.example.net:8000',
}

/** The proxy as the way out: addresses and names written so that two programs read them differently, requests within requests. */
export const proxy: readonly Attempt[] = [
  ...Object.entries(loopbacks).map(([name, [authority, control]]) =>
    tunnel(
      name,
      `has the proxy connect to the machine’s loopback, written ${authority.replace(':PORT', '')}`,
      authority,
      control,
    ),
  ),
  ...Object.entries(metadata).map(([name, authority]) =>
    tunnel(name, `has the proxy connect to a metadata service, written ${authority}`, authority, nobody),
  ),
  ...Object.entries(names).map(([name, authority]) =>
    tunnel(name, `asks the proxy for ${JSON.stringify(authority).slice(1, 60)}`, authority, nobody),
  ),
  {
    name: 'proxy.mayfly',
    tries: 'has the proxy connect to Mayfly’s own server, gateway and log',
    program: String.raw`${ask} for my $port (split /,/, $ground{mayfly}) { my $got = ask("CONNECT 127.0.0.1:$port HTTP/1.1\r\nHost: x\r\n\r\n"); $got =~ m{^HTTP/1\.\d 2} and reached($port) } held('refused');`,
    control: 'machine',
  },
  {
    name: 'proxy.header-injection',
    tries: 'puts a second request or a header into the name of a host',
    program: String.raw`${ask} my $got = ask("CONNECT git.example.com:443 HTTP/1.1\r\nHost: x\r\nX: y\n\nCONNECT 127.0.0.1:$ground{tcp4} HTTP/1.1\r\nHost: x\r\n\r\n"); secret($got);`,
    control: nobody,
  },
  {
    name: 'proxy.host-header',
    tries: 'names one host in the request and another one in its header',
    program: String.raw`${ask} verdict(ask("GET http://127.0.0.1:$ground{tcp4}/ HTTP/1.1\r\nHost: git.example.com\r\n\r\n"));`,
    control: nobody,
  },
  {
    name: 'proxy.smuggling',
    tries: 'hides a request in the body of another one (Content-Length and Transfer-Encoding)',
    program: String.raw`${ask} my $in = "CONNECT 127.0.0.1:$ground{tcp4} HTTP/1.1\r\nHost: x\r\n\r\n"; verdict(ask("POST http://git.example.com/ HTTP/1.1\r\nHost: git.example.com\r\nContent-Length: " . (5 + length $in) . "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$in"));`,
    control: nobody,
  },
  {
    name: 'proxy.own-token',
    tries: 'shows the gateway a token and a proof of its own through the proxy',
    program: String.raw`${ask} verdict(ask("CONNECT 127.0.0.1:$ground{tcp4} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: DPoP a.b.c\r\nDPoP: d.e.f\r\n\r\n"));`,
    control: nobody,
  },
  {
    name: 'proxy.socks',
    tries: 'speaks SOCKS4 and SOCKS5 to it, with a NUL in the name',
    program: String.raw`${ask} my $got = ask("\5\1\0\5\1\0\3\x1dgit.example.com\0.evil.example\1\xbb"); $got =~ /^\x05\x00/ and reached('SOCKS5'); $got = ask("\4\1" . pack('n', $ground{tcp4}) . "\x7f\0\0\1\0"); $got =~ /^\x00\x5a/ and reached('SOCKS4'); held('neither');`,
    control: nobody,
  },
  {
    name: 'proxy.http2',
    tries: 'speaks HTTP/2 to it, or asks for a WebSocket or connect-udp (MASQUE, QUIC through a proxy)',
    program: String.raw`${ask} my $got = ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"); $got =~ /^\x00\x00.\x04/s and reached('HTTP/2');
      for my $u ('websocket', 'connect-udp', 'h2c') { $got = ask("GET http://127.0.0.1:$ground{tcp4}/.well-known/masque/udp/192.0.2.1/443/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: $u\r\n\r\n"); $got =~ m{^HTTP/1\.1 (?:101|2)} and reached($u); $got =~ /canary-/ and secret($got) } held('neither');`,
    control: nobody,
  },
  {
    name: 'proxy.other-name-inside',
    tries: 'asks for another host within the tunnel to the granted one (SNI, Host)',
    language: 'sh',
    program:
      'code=$(curl -sS -m 10 -o /dev/null -w "%{http_code}" -H "Host: collector.example.net" https://git.example.com/ 2>/dev/null); case $code in 2*|3*) reached "$code";; esac\ncurl -sS -m 10 --connect-to collector.example.net:443:git.example.com:443 https://collector.example.net/ >/dev/null 2>&1 && reached sni',
    control: nobody,
  },
]
