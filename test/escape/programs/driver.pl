# Runs programs of a folder, a few at a time, and prints for each: its name, how it ended, and what it said, in hex.
# Arguments: the folder, how many at a time, the programs.
use strict;
use warnings;
my ($folder, $width, @names) = @ARGV;
my $seconds = 20;
$| = 1;
my %running;

sub begin {
  my ($name) = @_;
  open(my $said, '+>', "/tmp/escape-said-$$-$name") or die "said: $!";
  my $pid = fork() // die "fork: $!";
  if ($pid == 0) {
    setpgrp;
    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>&', $said);
    open(STDERR, '>&', $said);
    alarm $seconds;
    exec('/usr/bin/perl', "-I$folder", '-MEscape', "$folder/$name") if $name =~ /\.pl$/;
    exec('/bin/sh', "$folder/$name") if $name =~ /\.sh$/;
    exec("$folder/$name") or print("broken: $!\n"), exit 1;
  }
  $running{$pid} = [$name, $said];
}

sub finish {
  my $pid = wait;
  my $status = $?;
  my ($name, $said) = @{ delete $running{$pid} // return };
  kill 'KILL', -$pid;
  unlink "/tmp/escape-said-$$-$name";
  seek($said, 0, 0);
  read($said, my $text, 2000);
  print "$name $status ", unpack('H*', $text // ''), "\n";
}

for my $name (@names) {
  finish() if keys %running >= $width;
  begin($name);
}
finish() while %running;
