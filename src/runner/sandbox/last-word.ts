/** RUSAGE_CHILDREN, getrusage(2). */
const ofChildren = -1
/** Of each folder in memory: entries at its top that are looked at, and names that are told. */
const [looked, toldNames, nameBytes] = [200, 20, 100]

/**
 * The two parts of the first process (init.ts) that know what a step has used, and left in folders that are gone with it: before the
 * command and after it. What they find goes to the supervisor on the channel, which the command never has: see usage.ts.
 * It takes `$control`, `$getrusage`, `$statfs` and `$memory` (folders, by colons).
 */
export const beforeScript = String.raw`
my $taken = sub {
  my $found = pack('x256');
  syscall($statfs + 0, $_[0], $found) == 0 or return (0, 0);
  my (undef, $size, $all, $free, undef, $files, $left) = unpack('q7', $found);
  return (($all - $free) * $size, $files - $left);
};
my $names = sub {
  opendir(my $folder, $_[0]) or return;
  my @seen;
  while (@seen < ${looked} && defined(my $name = readdir($folder))) { push @seen, $name unless $name =~ /^\.\.?\z/ }
  return @seen;
};
my %before = map +($_ => [$taken->($_), { map +($_ => 1), $names->($_) }]), split /:/, $memory;
`

export const afterScript = String.raw`
my $used = pack('x256');
syscall($getrusage + 0, ${ofChildren}, $used);
my ($user, $userMicros, $system, $systemMicros, $resident) = unpack('q5', $used);
my @left = map {
  my $folder = $_;
  my ($bytes, $files) = $taken->($folder);
  my ($bytesBefore, $filesBefore, $known) = @{ $before{$folder} };
  my @new = grep { !$known->{$_} } $names->($folder);
  my $list = join ',', map { s/[^ !#-\[\]-~]/?/g; '"' . substr($_, 0, ${nameBytes}) . '"' } splice(@new, 0, ${toldNames});
  sprintf('{"folder":"%s","bytes":%d,"files":%d,"names":[%s]}', $folder, $bytes - $bytesBefore, $files - $filesBefore, $list);
} sort keys %before;
syswrite($control, sprintf(qq({"user_ms":%d,"system_ms":%d,"resident_bytes":%d,"left":[%s]}\n),
  $user * 1000 + $userMicros / 1000, $system * 1000 + $systemMicros / 1000, $resident * 1024, join(',', @left)));
`
