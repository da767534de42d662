import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import { openBench } from './sandbox.fixture.ts'
import { seccompFilter } from './seccomp.ts'

const allow = 0x7fff_0000
const kill = 0x8000_0000
const errno = (number: number) => 0x0005_0000 | number
const x64 = 0xc000_003e
const arm64 = 0xc000_00b7

/** Runs the filter as the kernel does (classic BPF); throws for a jump out of it or an instruction it does not know. */
function verdict(filter: Buffer, call: { arch: number; number: number; args?: readonly number[] }): number {
  const words = [call.number >>> 0, call.arch >>> 0, 0, 0]
  for (let i = 0; i < 6; i++)
    words.push((call.args?.[i] ?? 0) >>> 0, Math.floor((call.args?.[i] ?? 0) / 2 ** 32) >>> 0)
  let accumulator = 0
  for (let at = 0; at < filter.length; at += 8) {
    const [code, whenTrue, whenFalse, k] = [
      filter.readUInt16LE(at),
      filter.readUInt8(at + 2),
      filter.readUInt8(at + 3),
      filter.readUInt32LE(at + 4),
    ]
    const jump = (taken: boolean) => (at += 8 * (taken ? whenTrue : whenFalse))
    if (code === 0x20) accumulator = words[k / 4] ?? assert.fail(`load at ${k}`)
    else if (code === 0x15) jump(accumulator === k)
    else if (code === 0x35) jump(accumulator >= k)
    else if (code === 0x45) jump((accumulator & k) !== 0)
    else if (code === 0x06) return k
    else assert.fail(`instruction ${code}`)
  }
  return assert.fail('it runs off the end')
}

/** Numbers from the kernel's own tables (arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h): x64, arm64. */
const refused: Record<string, readonly [number, number]> = {
  ptrace: [101, 117],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  unshare: [272, 97],
  setns: [308, 268],
  perf_event_open: [298, 241],
  open_by_handle_at: [304, 265],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  finit_module: [313, 273],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsmount: [432, 432],
  pidfd_getfd: [438, 438],
  mount_setattr: [442, 442],
  quotactl_fd: [443, 443],
  memfd_secret: [447, 447],
  open_tree_attr: [467, 467],
}

test('every dangerous call is EPERM in the filters of both machines', () => {
  for (const [name, [onX64, onArm64]] of Object.entries(refused)) {
    assert.equal(
      verdict(seccompFilter(undefined, 'x64'), { arch: x64, number: onX64 }),
      errno(1),
      `${name} on x64`,
    )
    assert.equal(
      verdict(seccompFilter(undefined, 'arm64'), { arch: arm64, number: onArm64 }),
      errno(1),
      `${name} on arm64`,
    )
  }
})

test('another architecture and x32 calls are the end of the process', () => {
  const i386 = 0x4000_0003
  for (const number of [0, 11, 41, 102, 435, 0x4000_0000]) {
    assert.equal(verdict(seccompFilter(undefined, 'x64'), { arch: i386, number }), kill)
    assert.equal(verdict(seccompFilter(undefined, 'arm64'), { arch: x64, number }), kill)
  }
  for (const number of [0x4000_0000, 0x4000_0029, 0x4000_0065, 0xffff_ffff])
    assert.equal(verdict(seccompFilter(undefined, 'x64'), { arch: x64, number }), kill)
})

test('sockets of four families only; clone without namespaces; clone3 not at all; no typing into a terminal', () => {
  const filter = seccompFilter(undefined, 'x64')
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (family) => {
      const expected = [1, 2, 10, 16].includes(family) ? allow : errno(97)
      assert.equal(verdict(filter, { arch: x64, number: 41, args: [family] }), expected)
    }),
  )
  for (let bit = 0; bit < 32; bit++) {
    const flag = 2 ** bit
    const isNamespace = [
      0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ].includes(flag)
    assert.equal(
      verdict(filter, { arch: x64, number: 56, args: [flag | 17] }),
      isNamespace ? errno(1) : allow,
      flag.toString(16),
    )
  }
  assert.equal(verdict(filter, { arch: x64, number: 435 }), errno(38))
  for (const request of [0x5412, 0x541c]) {
    assert.equal(verdict(filter, { arch: x64, number: 16, args: [0, request] }), errno(1))
    // The kernel looks at the low word of the request only.
    assert.equal(verdict(filter, { arch: x64, number: 16, args: [0, request + 2 ** 32] }), errno(1))
  }
  assert.equal(verdict(filter, { arch: x64, number: 16, args: [0, 0x5413] }), allow)
})

test('of netlink only routes and sockets, no pairs but Unix ones, and no personality that weakens what is started', () => {
  const filter = seccompFilter(undefined, 'x64')
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.constantFrom(1, 2, 10, 16), (protocol, family) => {
      const isRefused = family === 16 && ![0, 4].includes(protocol)
      const expected = isRefused ? errno(1) : allow
      assert.equal(verdict(filter, { arch: x64, number: 41, args: [family, 3, protocol] }), expected)
    }),
  )
  for (const protocol of [0, 4])
    assert.equal(verdict(filter, { arch: x64, number: 41, args: [16, 3, protocol] }), allow)
  for (const family of [0, 2, 16, 30, 40])
    assert.equal(verdict(filter, { arch: x64, number: 53, args: [family, 1] }), errno(97))
  assert.equal(verdict(filter, { arch: x64, number: 53, args: [1, 1] }), allow)
  for (const persona of [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff])
    assert.equal(verdict(filter, { arch: x64, number: 135, args: [persona] }), allow)
  for (const persona of [0x4_0000, 0x40_0000, 0x10_0000, 0x4_0008])
    assert.equal(verdict(filter, { arch: x64, number: 135, args: [persona] }), errno(1))
})

test('no set-id mode and no device node, in whichever call; other modes are let through', () => {
  const S_IFCHR = 0o20_000
  const calls: readonly (readonly [
    name: string,
    onX64: number,
    onArm64: number,
    before: readonly number[],
    node?: boolean,
  ])[] = [
    ['chmod', 90, -1, [0]],
    ['fchmod', 91, 52, [0]],
    ['fchmodat', 268, 53, [0, 0]],
    ['fchmodat2', 452, 452, [0, 0]],
    ['creat', 85, -1, [0]],
    ['open', 2, -1, [0, 0o101]],
    ['openat', 257, 56, [0, 0, 0o101]],
    ['openat (O_TMPFILE)', 257, 56, [0, 0, 0o20_200_002]],
    ['mknod', 133, -1, [0], true],
    ['mknodat', 259, 33, [0, 0], true],
  ]
  for (const [name, onX64, onArm64, before, node = false] of calls) {
    for (const [machine, arch, number] of [
      ['x64', x64, onX64],
      ['arm64', arm64, onArm64],
    ] as const) {
      if (number === -1) continue
      const filter = seccompFilter(undefined, machine)
      const of = (mode: number) => verdict(filter, { arch, number, args: [...before, mode] })
      for (const mode of [0o4755, 0o2755, 0o6000, 0o7777, 0o10_4711])
        assert.equal(of(mode), errno(1), `${name} ${mode.toString(8)} on ${machine}`)
      for (const mode of [0, 0o644, 0o1777, 0o10_0755])
        assert.equal(of(mode), allow, `${name} ${mode.toString(8)} on ${machine}`)
      if (node)
        for (const mode of [S_IFCHR, S_IFCHR | 0o666, 0o60_000]) assert.equal(of(mode), errno(1), name)
    }
  }
  // Without O_CREAT the mode is whatever stands in the register.
  assert.equal(
    verdict(seccompFilter(undefined, 'x64'), { arch: x64, number: 257, args: [0, 0, 0o2, 0o4755] }),
    allow,
  )
  for (const machine of ['x64', 'arm64'] as const)
    assert.equal(
      verdict(seccompFilter(undefined, machine), { arch: machine === 'x64' ? x64 : arm64, number: 437 }),
      errno(38),
    )
})

test('the limit on core dumps stays, whoever sets it; only the first process may, for itself', () => {
  for (const [machine, arch, setrlimit, prlimit] of [
    ['x64', x64, 160, 302],
    ['arm64', arm64, 164, 261],
  ] as const) {
    const filter = seccompFilter(undefined, machine)
    const of = (number: number, ...args: number[]) => verdict(filter, { arch, number, args })
    assert.equal(of(setrlimit, 4, 1), errno(0))
    assert.equal(of(setrlimit, 7, 1), allow)
    for (const pointer of [1, 2 ** 32, 2 ** 47 + 8]) assert.equal(of(prlimit, 0, 4, pointer), errno(0))
    assert.equal(of(prlimit, 77, 4, 8), errno(0))
    assert.equal(of(prlimit, 1, 4, 8), allow)
    assert.equal(of(prlimit, 0, 4, 0, 8), allow)
    assert.equal(of(prlimit, 0, 7, 8), allow)
  }
})

test('a step that may nest makes namespaces and mounts, but none of control groups; set-id as it is told', () => {
  const nest = seccompFilter({ nesting: true, setGid: false, setUid: false }, 'x64')
  const [mount, unshare, clone, setns, bpf, ptrace, chmod] = [165, 272, 56, 308, 321, 101, 90]
  for (const number of [mount, unshare, clone, setns])
    assert.equal(verdict(nest, { arch: x64, number, args: [0x1002_0000] }), allow)
  for (const number of [unshare, clone])
    assert.equal(verdict(nest, { arch: x64, number, args: [0x1202_0000] }), errno(1))
  for (const number of [bpf, ptrace]) assert.equal(verdict(nest, { arch: x64, number }), errno(1))
  // Capabilities of files as set-user-id: for everybody on the machine, where its root is the supervisor.
  for (const number of [188, 189, 190, 463]) assert.equal(verdict(nest, { arch: x64, number }), errno(95))
  assert.equal(verdict(nest, { arch: x64, number: 435 }), errno(38))
  const modes = [0o2755, 0o4755].map((mode) => ({ arch: x64, number: chmod, args: [0, mode] }))
  const of = (filter: Buffer) => modes.map((call) => verdict(filter, call))
  assert.deepEqual(of(nest), [errno(1), errno(1)])
  assert.deepEqual(of(seccompFilter({ nesting: false, setGid: true, setUid: false }, 'x64')), [
    allow,
    errno(1),
  ])
  assert.deepEqual(of(seccompFilter({ nesting: true, setGid: true, setUid: true }, 'x64')), [allow, allow])
})

test('every program comes to a verdict, and what runs programs is let through', () => {
  for (const [machine, arch] of [
    ['x64', x64],
    ['arm64', arm64],
  ] as const) {
    const filter = seccompFilter(undefined, machine)
    assert.equal(filter.length % 8, 0)
    assert.ok(filter.length / 8 <= 4096)
    fc.assert(
      fc.property(fc.nat(600), fc.array(fc.nat(0xffff_ffff), { maxLength: 6 }), (number, args) =>
        [allow, kill, errno(0), errno(1), errno(38), errno(97)].includes(
          verdict(filter, { arch, number, args }),
        ),
      ),
    )
  }
  // read, write, open, close, mmap, execve, fork, vfork, exit_group, futex, epoll_wait, getrandom.
  for (const number of [0, 1, 2, 3, 9, 59, 57, 58, 231, 202, 232, 318])
    assert.equal(verdict(seccompFilter(undefined, 'x64'), { arch: x64, number }), allow)
})

test('a machine without a filter gets no sandbox', () => {
  assert.throws(
    () => seccompFilter(undefined, 'riscv64'),
    (error) => error instanceof MayflyError && error.code === 'isolation_unavailable',
  )
})

// Arguments that do nothing even where the call is let through: then the answer is EBADF, EFAULT or EINVAL.
test('inside a real sandbox the calls fail with EPERM', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const machine = process.arch === 'arm64' ? 1 : 0
  const calls = Object.entries(refused).map(([name, numbers]) => `${name} ${numbers[machine]}`)
  const script =
    'for (@ARGV) { my ($name, $n) = split; $! = 0; my $r = syscall($n + 0, -1, 0, 0, 0, 0, 0); print "$name ", ($r == -1 ? $! + 0 : "let through"), "\\n" }'
  const { stdout } = await bench.run(['/usr/bin/perl', '-e', script, ...calls])
  assert.deepEqual(
    stdout.trim().split('\n'),
    Object.keys(refused).map((name) => `${name} 1`),
  )
})

test('inside a real sandbox no new namespace, no other socket family, no raw socket', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const [clone, clone3, unshare] = process.arch === 'arm64' ? [220, 435, 97] : [56, 435, 272]
  const script = String.raw`
    use Socket;
    for my $flag (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000) {
      print "unshare let through\n" if syscall(${unshare}, $flag) == 0;
      my $pid = syscall(${clone}, $flag | 17, 0, 0, 0, 0);
      POSIX::_exit(0) if $pid == 0;
      print "clone let through\n" if $pid > 0;
    }
    $! = 0; syscall(${clone3}, 0, 0); print "clone3 ", $! + 0, "\n";
    for my $family (0 .. 45) { print "family $family\n" if socket(my $s, $family, SOCK_STREAM, 0) || socket($s, $family, SOCK_DGRAM, 0) || socket($s, $family, SOCK_RAW, 0) }
    print "raw\n" if socket(my $raw, PF_INET, SOCK_RAW, 1) || socket($raw, PF_INET6, SOCK_RAW, 58);
  `
  const { stdout, stderr } = await bench.run(['/usr/bin/perl', '-MPOSIX', '-e', script])
  assert.equal(stderr, '')
  assert.deepEqual(stdout.trim().split('\n'), ['clone3 38', 'family 1', 'family 2', 'family 10', 'family 16'])
})

test(
  'inside a real sandbox a foreign system call kills the process',
  { skip: process.arch !== 'x64' && 'x32 is of x64' },
  async (t) => {
    const bench = await openBench(t)
    if (bench === undefined) return
    const { code } = await bench.run(['/usr/bin/perl', '-e', 'syscall(0x40000000 + 39); print "alive"'])
    assert.equal(code, 128 + 31)
  },
)

test('inside a real sandbox the tools for it fail too', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout } = await bench.sh(
    'unshare -Ur true 2>/dev/null && echo unshare; mount -t tmpfs none /tmp 2>/dev/null && echo mount; nsenter -t 1 -m true 2>/dev/null && echo nsenter; chroot / true 2>/dev/null && echo chroot; bwrap --ro-bind / / true 2>/dev/null && echo bwrap; su -c true 2>/dev/null && echo su; sudo -n true 2>/dev/null && echo sudo; echo done',
  )
  assert.equal(stdout, 'done\n')
})
