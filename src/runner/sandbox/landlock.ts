import { homeInside } from './inside.ts'

/** Rights of Landlock (uapi/linux/landlock.h), by the file they are for. */
const readOnly = 0b1101
/** To write into files that are there, and to control the devices among them. */
const writeFiles = 0b1100_0000_0000_0010 | readOnly
/** All but making devices, by characters and by blocks. */
const readWrite = 0xffff & ~(1 << 6) & ~(1 << 11)

export interface LandlockRule {
  readonly rights: number
  /** Where the step sees it. */
  readonly path: string
}

/**
 * A second belt beside the mounts (landlock(7)), where the kernel has it: what a step may read and write, also should a mount
 * stand otherwise than meant; no mount may be changed, no signal and no abstract socket leads out. TCP is not bounded by
 * it: the step's network has nothing but its own loopback, where it may listen on any port.
 */
export function landlockRules(writable: readonly string[]): LandlockRule[] {
  const folders = ['/tmp', '/run', '/var/tmp', '/dev/shm', homeInside, ...writable]
  return [
    { rights: readOnly, path: '/' },
    { rights: writeFiles, path: '/dev' },
    { rights: writeFiles, path: '/proc' },
    ...folders.map((path) => ({ rights: readWrite, path })),
  ]
}

/** The rules as the script below reads them. */
export function landlockText(rules: readonly LandlockRule[]): string {
  return rules.map(({ rights, path }) => `${rights}:${encodeURIComponent(path)}`).join(',')
}

/**
 * Perl that binds this process and all it starts, by `$landlock` (`landlockText`) and `$fail`. The kernel says which version it
 * has: from 2 on files can be moved between folders, from 6 on signals and sockets are bounded, too. Without rules, for a
 * step that may mount, only these are. System calls 444 to 446 have these numbers on every machine.
 */
export const landlockScript = String.raw`
  my $version = syscall(444, 0, 0, 1);
  my $files = $landlock eq '' || $version < 2 ? 0 : $version < 3 ? 0x3fff : $version < 5 ? 0x7fff : 0xffff;
  my $scope = $version < 6 ? 0 : 3;
  if ($files || $scope) {
    my $handled = pack($version < 4 ? 'Q' : $version < 6 ? 'Q2' : 'Q3', $files, 0, $scope);
    my $rules = syscall(444, $handled, length $handled, 0);
    $rules < 0 and $fail->('landlock');
    for (split /,/, $files ? $landlock : '') {
      my ($rights, $path) = split /:/;
      $path =~ s/%(..)/chr hex $1/ge;
      sysopen(my $file, $path, 0x200000) or $fail->("landlock: $path");
      my $rule = pack('Q l', $rights & $files, fileno($file));
      syscall(445, $rules, 1, $rule, 0) == 0 or $fail->("landlock: $path");
    }
    # Its own three streams, by name (/dev/stdout): pipes with a name once. Of what never had one nothing is asked.
    for (0 .. 2) { syscall(445, $rules, 1, pack('Q l', 0x4006 & $files, $_), 0) if $files }
    syscall(446, $rules, 0) == 0 or $fail->('landlock');
  }
`
