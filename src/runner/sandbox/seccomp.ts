import { MayflyError } from '../../lib/index.ts'

/** The system calls that a step may not make, by machine; names in the order of the kernel's tables. */
const denied: Readonly<Record<'x64' | 'arm64', Readonly<Record<string, number>>>> = {
  x64: {
    ptrace: 101,
    syslog: 103,
    vhangup: 153,
    pivot_root: 155,
    adjtimex: 159,
    chroot: 161,
    acct: 163,
    settimeofday: 164,
    mount: 165,
    umount2: 166,
    swapon: 167,
    swapoff: 168,
    reboot: 169,
    iopl: 172,
    ioperm: 173,
    init_module: 175,
    delete_module: 176,
    quotactl: 179,
    lookup_dcookie: 212,
    clock_settime: 227,
    mbind: 237,
    kexec_load: 246,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    unshare: 272,
    move_pages: 279,
    perf_event_open: 298,
    fanotify_init: 300,
    name_to_handle_at: 303,
    open_by_handle_at: 304,
    clock_adjtime: 305,
    setns: 308,
    process_vm_readv: 310,
    process_vm_writev: 311,
    kcmp: 312,
    finit_module: 313,
    kexec_file_load: 320,
    bpf: 321,
    userfaultfd: 323,
    io_uring_setup: 425,
    io_uring_enter: 426,
    io_uring_register: 427,
    open_tree: 428,
    move_mount: 429,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fspick: 433,
    pidfd_getfd: 438,
    mount_setattr: 442,
    quotactl_fd: 443,
    memfd_secret: 447,
    open_tree_attr: 467,
  },
  arm64: {
    lookup_dcookie: 18,
    umount2: 39,
    mount: 40,
    pivot_root: 41,
    chroot: 51,
    vhangup: 58,
    quotactl: 60,
    acct: 89,
    unshare: 97,
    kexec_load: 104,
    init_module: 105,
    delete_module: 106,
    clock_settime: 112,
    syslog: 116,
    ptrace: 117,
    reboot: 142,
    settimeofday: 170,
    adjtimex: 171,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    swapon: 224,
    swapoff: 225,
    mbind: 235,
    move_pages: 239,
    perf_event_open: 241,
    fanotify_init: 262,
    name_to_handle_at: 264,
    open_by_handle_at: 265,
    clock_adjtime: 266,
    setns: 268,
    process_vm_readv: 270,
    process_vm_writev: 271,
    kcmp: 272,
    finit_module: 273,
    bpf: 280,
    userfaultfd: 282,
    kexec_file_load: 294,
    io_uring_setup: 425,
    io_uring_enter: 426,
    io_uring_register: 427,
    open_tree: 428,
    move_mount: 429,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fspick: 433,
    pidfd_getfd: 438,
    mount_setattr: 442,
    quotactl_fd: 443,
    memfd_secret: 447,
    open_tree_attr: 467,
  },
}

/** Of these, what a step needs to make containers of its own. */
const nesting = [
  ...[
    'chroot',
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
  ],
  ...['pivot_root', 'setns', 'umount2', 'unshare'],
]

const machines = {
  x64: {
    ...{ auditArch: 0xc000_003e, socket: 41, clone: 56, ioctl: 16, unshare: 272, x32: true },
    ...{ setrlimit: 160, prlimit: 302, setgroups: 116 },
    ...{ socketpair: 53, personality: 135 },
  },
  arm64: {
    ...{ auditArch: 0xc000_00b7, socket: 198, clone: 220, ioctl: 29, unshare: 97, x32: false },
    ...{ setrlimit: 164, prlimit: 261, setgroups: 159 },
    ...{ socketpair: 199, personality: 92 },
  },
} as const

/** Their arguments stand in memory, where a filter cannot look: ENOSYS, so that libc falls back to the older call. */
const unseen = { clone3: 435, openat2: 437 }

/** Calls that give a file its mode: number, and which argument the mode is. */
const changingMode = {
  x64: { creat: [85, 1], chmod: [90, 1], fchmod: [91, 1], fchmodat: [268, 2], fchmodat2: [452, 2] },
  arm64: { fchmod: [52, 1], fchmodat: [53, 2], fchmodat2: [452, 2] },
} as const

/** Here the mode counts only if the flags, the argument before it, say that a file is made. */
const opening = { x64: { open: [2, 2], openat: [257, 3] }, arm64: { openat: [56, 3] } } as const

/**
 * setxattr, lsetxattr, fsetxattr, setxattrat. As root of a namespace of its own a step that may nest could give a file capabilities
 * (security.capability), and where the supervisor is root they would hold for everybody on the machine (capabilities(7)).
 */
const settingAttributes = { x64: [188, 189, 190, 463], arm64: [5, 6, 7, 463] } as const

const makingNode = { x64: { mknod: [133, 1], mknodat: [259, 2] }, arm64: { mknodat: [33, 2] } } as const

/** With them a file in the workspace runs as whoever owns it, or with its group, for everybody who reaches it. */
const [S_ISUID, S_ISGID] = [0o4000, 0o2000]
/** Of all types of files only devices, by characters and by blocks, have this bit (S_IFCHR, S_IFBLK; links cannot be made so). */
const device = 0o20_000
/** O_CREAT and the bit of O_TMPFILE that is not O_DIRECTORY. */
const makesFile = 0o20_000_100

const loadWord = 0x20
const jumpEqual = 0x15
const jumpGreaterOrEqual = 0x35
const jumpAnySet = 0x45
const returnValue = 0x06
const allow = 0x7fff_0000
const killProcess = 0x8000_0000
const failWith = (errno: number) => 0x0005_0000 | errno
const EPERM = 1
const ENOSYS = 38
/** As from a file system that has no such attributes: tools that unpack images go on without. */
const EOPNOTSUPP = 95
const EAFNOSUPPORT = 97

/** Offsets in `struct seccomp_data` (seccomp(2)); arguments by their low word. */
const offset = { number: 0, arch: 4, argument: (i: number) => 16 + 8 * i }

/**
 * Refused to a step that may nest, too: with a namespace of control groups of its own it could mount their hierarchy, and
 * write its own limits, whose files belong to its user.
 */
const CLONE_NEWCGROUP = 0x0200_0000
const RLIMIT_CORE = 4

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e02_0000
const AF_UNIX = 1
const AF_NETLINK = 16
/** Beside these AF_INET and AF_INET6; AF_VSOCK reaches the hypervisor from any network namespace. */
const socketFamilies = [AF_UNIX, 2, 10, AF_NETLINK]
/** NETLINK_ROUTE and NETLINK_SOCK_DIAG, for getifaddrs and ss. Behind the others are firewalls, IPsec, crypto, audit, drivers. */
const netlinkProtocols = [0, 4]
/**
 * Linux, Linux for 32-bit programs (`setarch`), both with UNAME26, and the question which one it is. Not those that lay out the
 * memory of what is started where an attacker expects it, or make it executable (personality(2)).
 */
const personalities = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff]
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c

/** What no step may call, by name. */
export function deniedNames(arch: string): string[] {
  return Object.keys(denied[arch === 'arm64' ? 'arm64' : 'x64'])
}

/** What a step may do beside what all may. */
export interface FilterRights {
  /** Make namespaces and mounts of its own. */
  readonly nesting: boolean
  /** Give files and folders a set-group-id bit; a set-user-id one. */
  readonly setGid: boolean
  readonly setUid: boolean
}

const noRights: FilterRights = { nesting: false, setGid: false, setUid: false }

/**
 * The filter for `bwrap --seccomp`: an array of `struct sock_filter` for this machine. Kills on a foreign
 * architecture or x32 call; the denied calls fail with EPERM, and so do set-id modes (of folders too: a filter does not
 * see which is which) and device nodes. The limit on core dumps cannot be changed, and to try is no error: 0, as scripts set it,
 * would let the machine's own handler start (core(5)). Throws `isolation_unavailable` on another machine than x64 and arm64.
 */
export function seccompFilter(rights: FilterRights = noRights, arch: string = process.arch): Buffer {
  if (arch !== 'x64' && arch !== 'arm64') {
    throw new MayflyError(
      'isolation_unavailable',
      `there is no system call filter for ${arch}: run on x64 or arm64`,
    )
  }
  const machine = machines[arch]
  const setId = (rights.setUid ? 0 : S_ISUID) | (rights.setGid ? 0 : S_ISGID)
  const refused = Object.entries(denied[arch]).filter(([name]) => !rights.nesting || !nesting.includes(name))
  const namespaces = rights.nesting ? CLONE_NEWCGROUP : newNamespaces
  const program = [
    ...[
      instruction(loadWord, offset.arch),
      instruction(jumpEqual, machine.auditArch, 1, 0),
      instruction(returnValue, killProcess),
    ],
    instruction(loadWord, offset.number),
    ...(machine.x32
      ? [instruction(jumpGreaterOrEqual, 0x4000_0000, 0, 1), instruction(returnValue, killProcess)]
      : []),
    ...refused.flatMap(([, number]) => refuse(number, EPERM)),
    // One group is known inside, and so the kernel sets none. Container tools ask for it before each program, and need no more.
    ...(rights.nesting ? refuse(machine.setgroups, 0) : []),
    ...(rights.nesting && !rights.setUid
      ? settingAttributes[arch].flatMap((number) => refuse(number, EOPNOTSUPP))
      : []),
    ...Object.values(unseen).flatMap((number) => refuse(number, ENOSYS)),
    ...Object.values(changingMode[arch]).flatMap(([number, mode]) =>
      whenCall(number, refuseBits(mode, setId)),
    ),
    ...Object.values(makingNode[arch]).flatMap(([number, mode]) =>
      whenCall(number, refuseBits(mode, setId | device)),
    ),
    ...Object.values(opening[arch]).flatMap(([number, mode]) =>
      whenCall(number, [
        instruction(loadWord, offset.argument(mode - 1)),
        instruction(jumpAnySet, makesFile, 0, 3),
        ...refuseBits(mode, setId),
      ]),
    ),
    ...[machine.clone, machine.unshare].flatMap((number) => whenCall(number, refuseBits(0, namespaces))),
    ...whenCall(machine.setrlimit, [
      instruction(loadWord, offset.argument(0)),
      instruction(jumpEqual, RLIMIT_CORE, 0, 1),
      instruction(returnValue, failWith(0)),
    ]),
    ...whenCall(machine.prlimit, keepCoreLimit()),
    ...whenCall(machine.ioctl, [
      instruction(loadWord, offset.argument(1)),
      instruction(jumpEqual, TIOCSTI, 1, 0),
      instruction(jumpEqual, TIOCLINUX, 0, 1),
      instruction(returnValue, failWith(EPERM)),
    ]),
    ...whenCall(machine.personality, refuseOthers(0, personalities, EPERM)),
    ...whenCall(machine.socketpair, refuseOthers(0, [AF_UNIX], EAFNOSUPPORT)),
    ...whenCall(machine.socket, [
      ...refuseOthers(0, socketFamilies, EAFNOSUPPORT),
      instruction(jumpEqual, AF_NETLINK, 0, refuseOthers(2, netlinkProtocols, EPERM).length),
      ...refuseOthers(2, netlinkProtocols, EPERM),
    ]),
    instruction(returnValue, allow),
  ]
  return Buffer.concat(program)
}

function instruction(code: number, k: number, jumpTrue = 0, jumpFalse = 0): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(jumpTrue, 2)
  bytes.writeUInt8(jumpFalse, 3)
  bytes.writeUInt32LE(k >>> 0, 4)
  return bytes
}

function refuse(number: number, errno: number): Buffer[] {
  return [instruction(jumpEqual, number, 0, 1), instruction(returnValue, failWith(errno))]
}

function refuseBits(argument: number, bits: number): Buffer[] {
  return [
    instruction(loadWord, offset.argument(argument)),
    instruction(jumpAnySet, bits, 0, 1),
    instruction(returnValue, failWith(EPERM)),
  ]
}

/** Goes on after it for an argument that is one of these. */
function refuseOthers(argument: number, values: readonly number[], errno: number): Buffer[] {
  return [
    instruction(loadWord, offset.argument(argument)),
    ...values.map((value, i) => instruction(jumpEqual, value, values.length - i, 0)),
    instruction(returnValue, failWith(errno)),
  ]
}

/** Of prlimit(2): the first process sets it for itself, and all may ask for it (no new limit: a null pointer). */
function keepCoreLimit(): Buffer[] {
  return [
    instruction(loadWord, offset.argument(1)),
    instruction(jumpEqual, RLIMIT_CORE, 0, 7),
    instruction(loadWord, offset.argument(0)),
    instruction(jumpEqual, 1, 5, 0),
    instruction(loadWord, offset.argument(2)),
    instruction(jumpEqual, 0, 0, 2),
    instruction(loadWord, offset.argument(2) + 4),
    instruction(jumpEqual, 0, 1, 0),
    instruction(returnValue, failWith(0)),
  ]
}

/** Runs `body` for this call only and allows what it lets through; for other calls the number is still loaded. */
function whenCall(number: number, body: readonly Buffer[]): Buffer[] {
  return [instruction(jumpEqual, number, 0, body.length + 1), ...body, instruction(returnValue, allow)]
}
