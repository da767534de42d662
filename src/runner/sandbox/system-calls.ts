type Call = 'sendmsg' | 'prctl' | 'unshare' | 'mount' | 'setns' | 'prlimit' | 'getrusage' | 'statfs'

/** Numbers of the system calls that our perl makes (unistd.h of x86_64; asm-generic/unistd.h for arm64). */
export function systemCalls(arch: string = process.arch): Readonly<Record<Call, number>> {
  return arch === 'arm64'
    ? {
        sendmsg: 211,
        prctl: 167,
        unshare: 97,
        mount: 40,
        setns: 268,
        prlimit: 261,
        getrusage: 165,
        statfs: 43,
      }
    : {
        sendmsg: 46,
        prctl: 157,
        unshare: 272,
        mount: 165,
        setns: 308,
        prlimit: 302,
        getrusage: 98,
        statfs: 137,
      }
}
