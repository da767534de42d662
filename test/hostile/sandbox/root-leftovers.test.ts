import assert from 'node:assert/strict'
import { lstatSync, statSync, type Stats } from 'node:fs'
import { test } from 'node:test'
import { openBench } from '../../../src/runner/sandbox/sandbox.fixture.ts'

test('a step leaves a set-uid program in the workspace, by every way there is to make one', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const [open, creat, mknod] = process.arch === 'arm64' ? [-1, -1, -1] : [2, 85, 133]
  const ways = String.raw`
    use Fcntl;
    sub made { my $file = shift; my @s = lstat($file); $s[2] & 06000 and print "$file\n" }
    open(my $f, '>', 'chmod'); chmod(04755, 'chmod'); chmod(02755, $f); made('chmod');
    sysopen(my $o, 'open', O_CREAT | O_WRONLY, 04755); made('open');
    if (${open} > 0) {
      my ($c, $n, $p) = ('creat', 'mknod', 'open2');
      syscall(${creat}, $c, 04755); made($c);
      syscall(${mknod}, $n, 0104755, 0); made($n);
      syscall(${open}, $p, O_CREAT | O_WRONLY, 06711); made($p);
    }
    my ($at, $how) = ('openat2', pack('Q3', O_CREAT | O_WRONLY, 04755, 0));
    syscall(437, -100, $at, $how, 24); made($at);
    my $b = 'fchmodat2'; open($f, '>', $b); syscall(452, -100, $b, 04755, 0); made($b);
    umask 0; mkdir('folder', 06777); made('folder');
    print "done\n";
  `
  const ran = await bench.run(['/usr/bin/perl', '-e', ways])
  assert.deepEqual([ran.stdout, ran.stderr], ['done\n', ''])
  const tools = await bench.sh(
    'cp /bin/true t; chmod u+s t; chmod g+s t; install -m 4755 /bin/true i; mkdir d; chmod 2775 d; mknod n c 1 3; ls',
  )
  for (const name of ['t', 'i', 'd', 'n']) {
    const stat: Stats | undefined = lstatSync(`${bench.workspace}/${name}`, { throwIfNoEntry: false })
    assert.equal((stat?.mode ?? 0) & 0o6000, 0, name)
    assert.equal(stat?.isCharacterDevice() ?? false, false, name)
  }
  assert.match(tools.stdout, /^t$/m)
})

test('a step changes the machine’s device nodes', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const nodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`)
  const look = () => nodes.map((node) => `${node} ${statSync(node).mode.toString(8)} ${statSync(node).uid}`)
  const first = look()
  // As they are already, so that this test leaves no machine worse than it was.
  const same = nodes.map((node) => (statSync(node).mode & 0o777).toString(8))
  const attempts = nodes.map((node, i) => `chmod ${same[i]} ${node} 2>/dev/null && echo ${node}`)
  const ran = await bench.sh(
    `${attempts.join('; ')}; for fd in 0 1 2; do chmod 666 /proc/1/fd/$fd /proc/self/fd/0 2>/dev/null && [ -c /proc/1/fd/$fd ] && echo by fd $fd; done; echo x > /dev/null && head -c 3 /dev/zero | wc -c; cat /etc/passwd > /dev/full`,
  )
  assert.equal(ran.stdout, '3\n')
  assert.match(ran.stderr, /No space left/)
  assert.deepEqual(look(), first)
})

test('a step reads what of /proc is the machine’s', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const names =
    'kcore keys key-users kmsg kallsyms timer_list timer_stats sched_debug latency_stats vmallocinfo kpagecount kpageflags kpagecgroup slabinfo pagetypeinfo interrupts iomem ioports mtrr vmcore acpi asound scsi'
  const ran = await bench.sh(
    `cd /proc; for f in ${names}; do [ -d $f ] && ls -A $f; [ -f $f ] && head -c 20 $f 2>/dev/null; done; for f in sys/kernel/core_pattern sys/vm/drop_caches sysrq-trigger irq/default_smp_affinity; do [ -w $f ] && (: >> $f) 2>/dev/null && echo $f; done; true`,
  )
  assert.equal(ran.stdout, '')
})
