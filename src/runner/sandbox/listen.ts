/** SIOCSIFFLAGS, SIOCSIFADDR and SIOCSIFNETMASK (netdevice(7)); IFF_UP. */
const [setFlags, setAddress, setNetmask, up] = [0x8914, 0x8916, 0x891c, 1]
/** socket(7): families, SOCK_STREAM, IPPROTO_TCP, SOL_SOCKET, SO_REUSEADDR; the same on x64 and arm64. */
const [inet, inet6, stream, tcp, socketLevel, reuseAddress] = [2, 10, 1, 6, 1, 2]

/**
 * Perl that raises `lo` in a network namespace of a step, listens at each place and hands the socket to the supervisor over
 * Node's IPC channel, as SCM_RIGHTS (`{cmd:"NODE_HANDLE"}`, with the place as message). It keeps no copy, and no relay runs
 * where the step's code could reach it. Whoever runs it has every capability over the namespace, so ports below 1024 are bound,
 * and an address that is none of `lo`'s is given to it.
 *
 * Of its surroundings it takes `$fail` (ends with a message), `$channel`, `$sendmsg` (the number of sendmsg(2)) and
 * `$places` (`127.64.0.1:443`, separated by commas, or `[::1]:5432`, which is passed over where there is no IPv6).
 */
export const listenScript = String.raw`
socket(my $lo, ${inet}, ${stream}, 0) or $fail->('socket');
my $set = sub { my ($what, $request) = @_; ioctl($lo, $what, $request) };
$set->(${setFlags}, pack('a16 s x22', 'lo', ${up})) or $fail->('lo');
my %given;
for my $place (split /,/, $places) {
  my ($ip, $port) = $place =~ /^(.+):(\d+)$/ or $fail->($place);
  my ($family, $address) = (${inet}, '');
  if ($ip eq '[::1]') {
    ($family, $address) = (${inet6}, pack('S n N N3 N N', ${inet6}, $port, 0, 0, 0, 0, 1, 0));
  } else {
    $address = pack('S n C4 x8', ${inet}, $port, split /\./, $ip);
    if ($ip !~ /^127\./ and !$given{$ip}) {
      my $name = 'lo:' . ($given{$ip} = keys(%given) + 1);
      my $request = sub { pack('a16 S x2 C4 x16', $name, ${inet}, @_) };
      $set->(${setAddress}, $request->(split /\./, $ip)) or $fail->($ip);
      $set->(${setNetmask}, $request->(255, 255, 255, 255)) or $fail->($ip);
    }
  }
  my $listener;
  unless (socket($listener, $family, ${stream}, ${tcp}) and setsockopt($listener, ${socketLevel}, ${reuseAddress}, 1)
      and bind($listener, $address) and listen($listener, 511)) {
    next if $family == ${inet6};
    $fail->($place);
  }
  my $message = qq({"cmd":"NODE_HANDLE","type":"net.Server","msg":"$place"}\n);
  my $rights = pack('Q i i i x4', 20, 1, 1, fileno($listener));
  my $vector = pack('P Q', $message, length $message);
  my $header = pack('Q L x4 P Q P Q i x4', 0, 0, $vector, 1, $rights, length $rights, 0);
  syscall($sendmsg + 0, $channel + 0, $header, 0) == length $message or $fail->('sendmsg');
}
close($lo);
`
