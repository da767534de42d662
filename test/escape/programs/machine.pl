# What of the machine a step must not reach: a process of the step's own user with a secret in its environment and its memory,
# which tells it to whoever comes: by sockets on paths and abstract ones, by TCP and UDP, by System V and POSIX IPC, by the
# user's keyring. It says where, as NAME=VALUE lines, and ends with its standard input.
# Arguments: the secret, its folder, further paths for sockets.
use strict;
use warnings;
use Socket qw(:all);
my ($secret, $folder, @paths) = @ARGV;
$0 = 'escape-machine';
$SIG{PIPE} = 'IGNORE';
for my $side (['USR1', 'inside'], ['USR2', 'outside']) {
  $SIG{ $side->[0] } = sub { open(my $file, '>', "$folder/signalled-$side->[1]") };
}
my $memory = "in memory: $secret";
umask 0;
my (@streams, $udp);

sub say_where { print "$_[0]=$_[1]\n" }
sub stream {
  my ($family, $address) = @_;
  socket(my $socket, $family, SOCK_STREAM, 0) or die "socket: $!";
  bind($socket, $address) or die "bind: $!";
  listen($socket, 50) or die "listen: $!";
  push @streams, $socket;
  return $socket;
}

for my $name ("escape-$$", "/tmp/.X11-unix/X$$", "/tmp/dbus-$$") {
  stream(PF_UNIX, pack('S a*', AF_UNIX, "\0$name"));
}
stream(PF_UNIX, pack_sockaddr_un($_)) for @paths;
say_where(tcp4 => (unpack_sockaddr_in(getsockname(stream(PF_INET, pack_sockaddr_in(0, INADDR_LOOPBACK)))))[0]);
my $six = eval { stream(PF_INET6, pack_sockaddr_in6(0, inet_pton(AF_INET6, '::1'))) };
say_where(tcp6 => $six ? (unpack_sockaddr_in6(getsockname($six)))[0] : 0);
socket($udp, PF_INET, SOCK_DGRAM, 17) or die "udp: $!";
bind($udp, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die "udp: $!";
say_where(udp4 => (unpack_sockaddr_in(getsockname($udp)))[0]);

my ($key) = map { 0x6d610000 | ($_ & 0xffff) } $$;
my $shared = shmget($key, 4096, 01600);
shmwrite($shared, $secret, 0, length $secret) if defined $shared;
my $queue = msgget($key, 01600);
msgsnd($queue, pack('l! a*', 1, $secret), 0) if defined $queue;
my $semaphores = semget($key, 1, 01600);
say_where(ipc => $key);
my $arm = `uname -m` =~ /aarch64/;
my $name = "escape-$$\0";
my $mq = syscall($arm ? 180 : 240, $name, 0102, 0600, 0);
if ($mq >= 0) { my $text = $secret; syscall($arm ? 182 : 242, $mq, $text, length $text, 0, 0) }
my ($type, $label, $text) = ("user\0", "escape-$$\0", $secret);
my $added = syscall($arm ? 217 : 248, $type, $label, $text, length $text, -4);
say_where(key => $added);
if (open(my $shm, '>', "/dev/shm/escape-$$")) { print $shm $secret; close $shm }
say_where(pid => $$);
$| = 1;
print "ready\n";

my $looking = '';
vec($looking, fileno($_), 1) = 1 for @streams, $udp, *STDIN;
while (1) {
  next if select(my $ready = $looking, undef, undef, undef) < 0;
  last if vec($ready, fileno(STDIN), 1);
  for my $stream (grep { vec($ready, fileno($_), 1) } @streams) {
    accept(my $caller, $stream) or next;
    syswrite($caller, "$secret\n");
  }
  if (vec($ready, fileno($udp), 1)) { my $from = recv($udp, my $asked, 100, 0); send($udp, "$secret\n", 0, $from) if $from }
}
unlink @paths, "/dev/shm/escape-$$";
shmctl($shared, 0, 0) if defined $shared;
msgctl($queue, 0, 0) if defined $queue;
semctl($semaphores, 0, 0, 0) if defined $semaphores;
syscall($arm ? 181 : 241, $name) if $mq >= 0;
syscall($arm ? 219 : 250, 9, $added, -4) if $added > 0;
