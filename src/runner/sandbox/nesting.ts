import { aptConfigNestedInside, caBundleInside, homeInside } from './inside.ts'

/** PR_SET_DUMPABLE, prctl(2). */
export const setDumpable = 4

/**
 * Perl by which a step that may nest (`$nest`) starts as root of a user and a mount namespace of its own, as it could by
 * `unshare -Urm`: container tools then need no range of users of the machine (/etc/subuid) and no set-uid helper, of which there
 * are none inside. It gains nothing outside: what is mounted stays as it is, and the network is not its own.
 */
export const nestingScript = String.raw`
  if ($nest) {
    # Its own files in /proc are its own again: until now it was not dumpable, as the first process is not.
    syscall($prctl + 0, ${setDumpable}, 1, 0, 0, 0) == 0 or $fail->('prctl');
    my ($user, $group) = ($> + 0, $) + 0);
    syscall($nest + 0, 0x10020000) == 0 or $fail->('unshare');
    for ([setgroups => 'deny'], [uid_map => "0 $user 1"], [gid_map => "0 $group 1"]) {
      open(my $file, '>', "/proc/self/$_->[0]") or $fail->($_->[0]);
      syswrite($file, $_->[1]) or $fail->($_->[0]);
    }
  }
`

/**
 * Where systems keep the authorities that they trust. In a container that is built it is the run's own bundle, for that time; an
 * image that has no such file keeps an empty one, as it keeps /etc/resolv.conf.
 */
const bundleVariables = [
  ...['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'GIT_SSL_CAINFO', 'PIP_CERT'],
  ...['NODE_EXTRA_CA_CERTS', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'],
]
const bundle = '/etc/ssl/certs/ca-certificates.crt'

export const trustPolicy = 'policy.json'

/** What container tools that nest in a step see as /etc/containers, by name. */
export const containersFiles: Readonly<Record<string, string>> = {
  // Every container of theirs, while it is built, too: the run's CA, and no network but the step's own, which leads to its doors.
  'containers.conf': `[containers]
netns = "host"
http_proxy = true
volumes = ["${caBundleInside}:${bundle}:ro", "${caBundleInside}:/etc/pki/tls/certs/ca-bundle.crt:ro", "${aptConfigNestedInside}:/etc/apt/apt.conf.d/99mayfly:ro"]
env = [${bundleVariables.map((name) => `"${name}=${bundle}"`).join(', ')}]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`,
  'storage.conf': `[storage]
driver = "vfs"
graphroot = "${homeInside}/.local/share/containers/storage"
runroot = "/run/containers/storage"
[storage.options.vfs]
ignore_chown_errors = "true"
`,
  [trustPolicy]: '{"default":[{"type":"insecureAcceptAnything"}]}\n',
  'registries.conf': 'unqualified-search-registries = ["docker.io"]\n',
}

/** For those that do not read their files. */
export const nestingEnvironment = { BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: 'vfs' } as const
