# Brings up the loopback of a new network namespace and gives it these addresses: an internet of its own.
use strict;
use warnings;
use Socket;
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
my ($SIOCSIFFLAGS, $SIOCSIFADDR) = (0x8914, 0x8916);
my $up = pack('a16 s x22', 'lo', 1);
ioctl($socket, $SIOCSIFFLAGS, $up) or die "lo: $!";
my $n = 0;
for my $address (@ARGV) {
  my $alias = pack('a16 S S a4 x16', 'lo:' . ++$n, AF_INET, 0, inet_aton($address));
  ioctl($socket, $SIOCSIFADDR, $alias) or die "$address: $!";
}
