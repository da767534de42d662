import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Attempt } from '../attempt.ts'

const elsewhere = { none: 'the file is one that only a sandbox has' } as const

/** Mounts, devices, files of the machine, and the files of the workspace that no step may change. */
export const files: readonly Attempt[] = [
  {
    name: 'mount.memory',
    tries: 'mounts a file system in memory',
    program: String.raw`my ($s, $t, $k) = ("none\0", "/tmp\0", "tmpfs\0"); call('mount', $s, $t, $k, 0, 0) == 0 and reached('mounted'); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.bind',
    tries: 'mounts a folder over another one',
    program: String.raw`my ($s, $t) = ("/usr\0", "/tmp\0"); call('mount', $s, $t, 0, 4096, 0) == 0 and reached('bound'); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.writable',
    tries: 'makes a read-only mount writable again',
    program: String.raw`for my $p ('/usr', '/etc/passwd', "$ground{workspace}/.git/config", '/proc/sys', '/dev', '/tmp') { my $t = "$p\0"; call('mount', 0, $t, 0, 4096 | 32, 0) == 0 and reached($p) } held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.proc',
    tries: 'mounts a fresh /proc or /sys',
    program: String.raw`for my $k ('proc', 'sysfs', 'devpts', 'mqueue') { my ($s, $t, $f) = ("none\0", "/tmp\0", "$k\0"); call('mount', $s, $t, $f, 0, 0) == 0 and reached($k) } held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.take-away',
    tries: 'takes away what is mounted over a file or a folder',
    program: String.raw`for my $p ("$ground{workspace}/.git/config", "$ground{workspace}/.git/hooks", '/proc/sys', '/proc/kcore', '/etc/passwd', '/dev/shm', '/tmp') { my $t = "$p\0"; call('umount2', $t, 2) == 0 and reached($p); $! == POSIX::EINVAL() and reached("let through: $!") } held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.tree',
    tries: 'clones the tree of mounts and puts it elsewhere (open_tree, move_mount)',
    program: String.raw`my $p = "/\0"; my $fd = call('open_tree', -100, $p, 1 | 0x8000); $fd >= 0 and reached($fd); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.tree-attributes',
    tries:
      'clones it with other attributes, by a call that is younger than the filter’s list (open_tree_attr)',
    program: String.raw`my ($p, $a) = ("/\0", pack('Q4', 0, 0, 0, 0)); my $fd = call('open_tree_attr', -100, $p, 1 | 0x8000, $a, 32); $fd >= 0 and reached($fd); $! == POSIX::ENOSYS() and unavailable($!); $! == POSIX::EINVAL() and reached("let through: $!"); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.new-calls',
    tries: 'makes a file system by the newer calls (fsopen, fsconfig, fsmount)',
    program: String.raw`my $k = "tmpfs\0"; my $fd = call('fsopen', $k, 0); $fd >= 0 and reached($fd); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.pick',
    tries: 'takes a mounted file system to set it up anew (fspick)',
    program: String.raw`my $p = "/tmp\0"; my $fd = call('fspick', -100, $p, 0); $fd >= 0 and reached($fd); $! == POSIX::EPERM() and held($!); reached("let through: $!");`,
    control: 'root-machine',
  },
  {
    name: 'mount.attributes',
    tries: 'changes the attributes of a mount (mount_setattr)',
    program: String.raw`my ($p, $a) = ("/usr\0", pack('Q4', 0, 1, 0, 0)); call('mount_setattr', -100, $p, 0, $a, 32) == 0 and reached('writable'); $! == POSIX::EPERM() and held($!); reached("let through: $!");`,
    control: 'root-namespaces',
  },
  {
    name: 'mount.pivot',
    tries: 'makes another folder its root (pivot_root, chroot)',
    program: String.raw`my $p = "/tmp\0"; call('pivot_root', $p, $p) == 0 and reached('pivot'); $! == POSIX::EPERM() or reached("let through: $!"); call('chroot', $p) == 0 and reached('chroot'); held($!);`,
    control: 'namespaces',
  },
  {
    name: 'mount.handle',
    tries: 'opens a file of the machine’s disk by its handle, as the “shocker” did to Docker',
    program: String.raw`
      my ($p, $h, $m) = ("$ground{workspace}\0", pack('L l', 128, 0) . "\0" x 128, pack('i', 0)); call('name_to_handle_at', -100, $p, $h, $m, 0) == 0 or held($!);
      open(my $d, '<', $ground{workspace}); my $fd = call('open_by_handle_at', fileno($d), $h, 0); $fd >= 0 and reached($fd); held($!);`,
    control: 'root-machine',
  },
  {
    name: 'devices.make',
    tries: 'makes a device node of the machine’s disk or memory',
    program: String.raw`for my $m (0020666, 0060666) { my $n = "/tmp/escape-node-$$\0"; my $r = call('mknod', $n, $m, $m == 0060666 ? 0x800 : 0x101); unlink "/tmp/escape-node-$$"; $r == 0 and reached(sprintf '%o', $m) } held($!);`,
    control: 'root-machine',
  },
  {
    name: 'devices.open',
    tries: 'opens a device of the machine: disks, memory, kvm, fuse, tun, vsock, input, sound, graphics',
    program: String.raw`
      for my $f (glob('/dev/{mem,kmem,port,kmsg,kvm,fuse,vsock,vhost-net,vhost-vsock,loop-control,loop0,uinput,hpet,cpu_dma_latency,nvram,rtc0,rtc,watchdog,autofs,btrfs-control,snapshot,userfaultfd,udmabuf,hwrng,ppp,net/tun,mapper/control,vfio/vfio,dri/card0,snd/seq,input/event0,bus/usb/001/001,vda,vda1,sda,sda1,nvme0n1,xvda,dm-0,md0,ram0,zram0}')) { -e $f and open(my $d, '<', $f) and reached($f) } held('none is there');`,
    control: 'root-machine',
  },
  {
    name: 'devices.change',
    tries: 'changes the mode of a device that the machine uses, too',
    program: String.raw`for my $n (qw(null zero full random urandom)) { my $mode = (stat "/dev/$n")[2] & 07777; chmod($mode, "/dev/$n") and reached($n) } held($!);`,
    control: 'root-machine',
  },
  {
    name: 'devices.freeze',
    tries: 'freezes a file system of the machine (FIFREEZE)',
    program: String.raw`open(my $f, '<', '/dev/null'); my $n = pack('i', 0); call('ioctl', fileno($f), 0xc0045877, $n) == 0 and reached('frozen'); $! == POSIX::EOPNOTSUPP() and reached("let through: $!"); held($!);`,
    control: 'root-machine',
  },
  {
    name: 'files.secret',
    tries: 'reads a file of the machine by its path',
    program: String.raw`secret(slurp($ground{secret_file}));`,
    control: 'machine',
  },
  {
    name: 'files.secret-link',
    tries: 'reads it by a link in the workspace, or by a way up from there',
    program: String.raw`
      chdir $ground{workspace}; symlink($ground{secret_file}, "link-$$"); my $t = slurp("link-$$"); unlink "link-$$"; link($ground{secret_file}, "link-$$") and $t .= slurp("link-$$"), unlink "link-$$";
      $t .= slurp($_ . $ground{secret_file}) for '../../../../../../../../..', '/proc/self/root', '/proc/self/cwd/../../../../../..', '/proc/1/root', '/proc/thread-self/root'; secret($t);`,
    control: 'machine',
  },
  {
    name: 'files.secret-shm',
    tries: 'reads what a program of the machine keeps in /dev/shm',
    program: String.raw`secret(slurp("/dev/shm/escape-$ground{pid}"));`,
    control: 'machine',
  },
  {
    name: 'files.write-tmp',
    tries: 'writes into /tmp of the machine',
    program: String.raw`open(my $f, '>', "$ground{folder}/written-by-$ground{side}") or held($!); held('it is looked at afterwards');`,
    control: 'machine',
    afterwards: ({ secretFile, side }) =>
      existsSync(join(dirname(secretFile), `written-by-${side}`)) ? 'it is on the machine' : undefined,
  },
  {
    name: 'files.rename-out',
    tries: 'leaves a folder that is moved from under it (a race of bind mounts)',
    program: String.raw`
      chdir $ground{workspace}; mkdir "a-$$"; mkdir "a-$$/b"; chdir "a-$$/b"; rename("$ground{workspace}/a-$$/b", "$ground{workspace}/b-$$"); my $t = slurp('../../../../../../..' . $ground{secret_file}); chdir $ground{workspace}; rmdir "b-$$"; rmdir "a-$$"; secret($t);`,
    control: 'machine',
  },
  {
    name: 'files.system',
    tries: 'writes where the system’s programs and settings are',
    program: String.raw`for my $f ('/usr/bin/perl', '/usr/escape', '/opt/escape', '/bin/sh', '/etc/passwd', '/etc/hosts', '/etc/nsswitch.conf', '/etc/ld.so.preload', '/etc/ld.so.cache', '/etc/ssl/certs/ca-certificates.crt', '/lib64/ld-linux-x86-64.so.2') { open(my $h, '>>', $f) and do { unlink $f if -z $f; reached($f) } } held($!);`,
    control: 'root-machine',
  },
  {
    name: 'files.root',
    tries: 'writes beside the folders that are its own, into memory that no limit counts',
    program: String.raw`for my $d ('/', '/etc', '/home', '/run/..', '/usr/..', '/var') { mkdir("$d/escape-$$") and rmdir("$d/escape-$$"), reached($d) } held($!);`,
    control: 'root-machine',
  },
  {
    name: 'files.authorities',
    tries: 'adds a certificate authority to those that its tools trust',
    program: String.raw`for my $f ('/run/mayfly/ca.pem', '/run/mayfly/ca-bundle.pem') { open(my $h, '>>', $f) and reached($f); unlink($f) and reached($f); rename($f, "$f.old") and reached($f); chmod(0666, $f) and reached($f) } held($!);`,
    control: elsewhere,
  },
  {
    name: 'files.tools',
    tries: 'writes into a folder of tools that it sees',
    program: String.raw`open(my $h, '>>', "$ground{tools}/ground") and reached('opened'); open($h, '>', "$ground{tools}/more-$$") and unlink("$ground{tools}/more-$$"), reached('made'); held($!);`,
    control: 'machine',
  },
  {
    name: 'files.secrets-of-the-machine',
    tries: 'finds a shadow file, a key of SSH, a credential of a cloud, a registry or Kubernetes',
    program: String.raw`
      my @home = map { glob "/{root,home/*,home/step}/$_" } qw(.ssh/id_* .aws/credentials .config/gcloud/*.db .azure/* .docker/config.json .npmrc .netrc .git-credentials .kube/config .pypirc .cargo/credentials* .gnupg/private-keys-v1.d/*);
      open(my $h, '<', $_) and reached($_) for @home, glob('/etc/{shadow,gshadow,sudoers,machine-id,ssh/ssh_host_*,kubernetes/*.conf,rancher/*/*} /var/run/secrets/*/*/token /run/secrets/* /var/lib/{kubelet,docker,cloud}/*'); held('none of them');`,
    control: 'root-machine',
  },
  {
    name: 'set-id.modes',
    tries:
      'leaves a program in the workspace that runs as its owner (chmod, open, creat, mknod, openat2, fchmodat2)',
    program: String.raw`
      use Fcntl; chdir $ground{workspace}; my $f = "set-id-$$"; my $bits = sub { my @s = lstat $f; unlink $f; @s && $s[2] & 06000 and reached($_[0]) };
      open(my $h, '>', $f); chmod(04755, $f); $bits->('chmod'); sysopen($h, $f, O_CREAT | O_WRONLY, 04755) and $bits->('open');
      my $n = "$f\0"; open($h, '>', $f); call('fchmodat2', -100, $n, 04755, 0); $bits->('fchmodat2'); my $how = pack('Q3', O_CREAT | O_WRONLY, 04755, 0); call('openat2', -100, $n, $how, 24); $bits->('openat2'); held($!);`,
    control: 'machine',
  },
  {
    name: 'set-id.capabilities',
    tries: 'gives a program in the workspace capabilities (security.capability)',
    program: String.raw`
      chdir $ground{workspace}; my $f = "caps-$$"; open(my $h, '>', $f); my ($n, $k, $v) = ("$f\0", "security.capability\0", pack('L L L L L', 0x02000001, 0xffffffff, 0, 0, 0));
      my $r = call('setxattr', $n, $k, $v, 20, 0); my $why = $!; unlink $f; $r == 0 and reached('set'); held($why);`,
    control: 'root-machine',
  },
  {
    name: 'set-id.folder',
    tries:
      'leaves a folder whose files belong to its group (set-gid), or a file that nobody can remove (immutable)',
    program: String.raw`
      chdir $ground{workspace}; mkdir "g-$$"; chmod 02775, "g-$$"; my @s = stat "g-$$"; rmdir "g-$$"; $s[2] & 02000 and reached('set-gid');
      open(my $h, '>', "i-$$"); my $flags = pack('l!', 0x10); my $r = call('ioctl', fileno($h), 0x40086602, $flags); my $why = $!; my $none = pack('l!', 0); call('ioctl', fileno($h), 0x40086602, $none); unlink "i-$$"; $r == 0 and reached('immutable'); held($why);`,
    control: 'machine',
  },
  ...[
    '.git/config',
    '.git/hooks/pre-push',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.mayfly/pipeline.yaml',
  ].flatMap((path): Attempt[] => [
    {
      name: `workspace.write ${path}`,
      tries: `changes ${path}: writes, truncates, removes, renames over it, links to it, changes its mode`,
      program: String.raw`
          chdir $ground{workspace}; my $f = '${path}'; my @before = ((stat $f)[1, 2], slurp($f));
          open(my $h, '+<', $f) and reached('opened'); open($h, '>>', $f) and reached('opened to append'); truncate($f, 0) and reached('truncated');
          link($f, "l-$$") and unlink("l-$$"), reached('linked'); open($h, '>', "n-$$"); print $h "evil\n"; close $h; rename("n-$$", $f) and reached('renamed over'); unlink "n-$$";
          open($h, '<', $f); chmod(0777, $h) and reached('mode'); open(my $w, '>>', "/proc/self/fd/" . fileno($h)) and reached('by its descriptor');
          symlink('/tmp/x', "s-$$"); my ($a, $b) = ("s-$$\0", "$f\0"); call('renameat2', -100, $a, -100, $b, 2) == 0 and reached('exchanged'); unlink "s-$$";
          unlink($f) and reached('removed'); "@before" eq "@{[(stat $f)[1, 2], slurp($f)]}" or reached('changed'); held($!);`,
      control: 'machine',
    },
  ]),
  {
    name: 'workspace.move-folders',
    tries: 'moves the folders above protected files away and makes them anew',
    program: String.raw`
      chdir $ground{workspace}; for my $d (qw(.git .git/hooks .github .github/workflows .mayfly)) { rename($d, "moved-$$") and reached($d); my ($a, $b) = ("$d\0", "other\0"); mkdir 'other'; call('renameat2', -100, $a, -100, $b, 2) == 0 and reached("exchanged $d"); rmdir 'other'; rmdir($d) and reached("removed $d") } held($!);`,
    control: 'machine',
    alone: true,
  },
  {
    name: 'workspace.common-folder',
    tries: 'sends git to a folder of its own for configuration and hooks (.git/commondir), for the next step',
    language: 'sh',
    program:
      'cd "$workspace" && echo ../evil > .git/commondir 2>/dev/null; [ -e .git/commondir ] && held "it is looked at afterwards"',
    control: { none: 'that it is gone when the step has ended is looked at outside' },
    alone: true,
  },
]
