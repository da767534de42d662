import { deniedNames } from './seccomp.ts'

interface Argument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ'
}

const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97]
const low32 = 0xffff_ffff
const equal = (index: number, value: number): Argument => ({
  index,
  value: low32,
  valueTwo: value,
  op: 'SCMP_CMP_MASKED_EQ',
})
const has = (index: number, bit: number): Argument => ({
  index,
  value: bit,
  valueTwo: bit,
  op: 'SCMP_CMP_MASKED_EQ',
})
const above = (index: number, value: number): Argument => ({ index, value, op: 'SCMP_CMP_GT' })

const refuse = (names: readonly string[], args: readonly Argument[] = [], errnoRet = EPERM) => ({
  ...{ names, action: 'SCMP_ACT_ERRNO', errnoRet, args },
})

/** Of clone(2), one bit each: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaces = [17, 25, 26, 27, 28, 29, 30].map((bit) => 2 ** bit)
/** All up to netlink (16) but UNIX, INET, INET6 and netlink itself. */
const families = [0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]
const [AF_UNIX, AF_NETLINK] = [1, 16]
const setIds = [0o4000, 0o2000]
const deviceBit = 0o20_000
const makesFile = [0o100, 0o20_000_000]
const RLIMIT_CORE = 4
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c]
/** ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, READ_IMPLIES_EXEC; not the question, which has all bits. */
const layouts = [0x4_0000, 0x10_0000, 0x20_0000, 0x40_0000]

/**
 * The filter of seccomp.ts as container engines read it (OCI runtime-spec, `linux.seccomp`), by names. Programs of another
 * machine's kind are killed, as libseccomp does with what is not listed.
 */
export function containerFilter(arch: string = process.arch): object {
  const modes = [
    [['creat', 'chmod', 'fchmod'], 1],
    [['fchmodat', 'fchmodat2'], 2],
  ] as const
  const nodes = [
    ['mknod', 1],
    ['mknodat', 2],
  ] as const
  const opens = [
    ['open', 1],
    ['openat', 2],
  ] as const
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64'],
    syscalls: [
      refuse(deniedNames(arch)),
      refuse(['clone3', 'openat2'], [], ENOSYS),
      ...namespaces.map((bit) => refuse(['clone'], [has(0, bit)])),
      ...families.map((family) => refuse(['socket'], [equal(0, family)], EAFNOSUPPORT)),
      refuse(['socket'], [above(0, AF_NETLINK)], EAFNOSUPPORT),
      ...[1, 2, 3].map((protocol) => refuse(['socket'], [equal(0, AF_NETLINK), equal(2, protocol)])),
      refuse(['socket'], [equal(0, AF_NETLINK), above(2, 4)]),
      refuse(['socketpair'], [above(0, AF_UNIX)], EAFNOSUPPORT),
      ...[TIOCSTI, TIOCLINUX].map((request) => refuse(['ioctl'], [equal(1, request)])),
      ...modes.flatMap(([names, mode]) => setIds.map((bit) => refuse(names, [has(mode, bit)]))),
      ...nodes.flatMap(([name, mode]) =>
        [...setIds, deviceBit].map((bit) => refuse([name], [has(mode, bit)])),
      ),
      ...opens.flatMap(([name, flags]) =>
        makesFile.flatMap((made) =>
          setIds.map((bit) => refuse([name], [has(flags, made), has(flags + 1, bit)])),
        ),
      ),
      ...layouts.map((bit) =>
        refuse(
          ['personality'],
          [{ index: 0, value: 2 ** 31 + bit, valueTwo: bit, op: 'SCMP_CMP_MASKED_EQ' }],
        ),
      ),
      // To change the limit on core dumps is no error, and does nothing (seccomp.ts).
      refuse(['setrlimit'], [equal(0, RLIMIT_CORE)], 0),
      refuse(['prlimit64'], [equal(1, RLIMIT_CORE), { index: 2, value: 0, op: 'SCMP_CMP_NE' }], 0),
    ],
  }
}
