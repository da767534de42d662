import { existsSync, readFileSync } from 'node:fs'

/** What of this machine decides which namespaces a program may have. */
export interface Machine {
  /** What we are in; undefined: in no container that shows itself. */
  readonly inside: 'gvisor' | 'kubernetes' | 'podman' | 'docker' | 'container' | undefined
  /** Ubuntu's rule: no user namespace for a program without an AppArmor profile that says so. */
  readonly appArmorRestricts: boolean
  /** A filter of system calls is on us, as container engines put it. */
  readonly isFiltered: boolean
  /** Of this user; 0: none may be made. */
  readonly maxUserNamespaces: number | undefined
  /** Debian's and Arch's own switch. */
  readonly usersMayUnshare: boolean
}

/** `root`: where /proc, /run and the rest are looked for, for tests. */
export function lookAtMachine(root = ''): Machine {
  const read = (path: string): string => {
    try {
      return readFileSync(`${root}${path}`, 'utf8')
    } catch {
      return ''
    }
  }
  const has = (path: string) => existsSync(`${root}${path}`)
  const limit = read('/proc/sys/user/max_user_namespaces').trim()
  return {
    inside: engineOf(read, has),
    appArmorRestricts: read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns').trim() === '1',
    isFiltered: /^Seccomp:\s+2$/m.test(read('/proc/self/status')),
    maxUserNamespaces: limit === '' ? undefined : Number(limit),
    usersMayUnshare: read('/proc/sys/kernel/unprivileged_userns_clone').trim() !== '0',
  }
}

function engineOf(read: (path: string) => string, has: (path: string) => boolean): Machine['inside'] {
  // gVisor's kernel alone has it.
  if (has('/proc/sentry-meminfo')) return 'gvisor'
  const mounts = read('/proc/self/mountinfo')
  const groups = read('/proc/self/cgroup')
  if (has('/var/run/secrets/kubernetes.io') || /kubepods/.test(groups) || /\/kubelet\/pods\//.test(mounts))
    return 'kubernetes'
  // With a /run of its own in memory the first is hidden.
  if (has('/run/.containerenv') || /libpod[-_]/.test(groups) || /\/overlay-containers\//.test(mounts))
    return 'podman'
  if (has('/.dockerenv')) return 'docker'
  return /\/(?:docker|containerd|crio)[-/]/.test(groups) ? 'container' : undefined
}

/** What to do so that steps can be isolated, or better isolated than `why` let them, for a person. */
export function isolationAdvice(why: string, machine: Machine = lookAtMachine()): string {
  if (why.includes('not installed')) return 'install it (Debian, Ubuntu: sudo apt-get install bubblewrap)'
  const { inside } = machine
  if (inside === 'gvisor')
    return 'gVisor has not all that a sandbox needs: let the runner start in another runtime class, or let each job be a sandbox of its own and its roles say `isolation: none`'
  if (machine.maxUserNamespaces === 0)
    return 'let users make namespaces: sysctl user.max_user_namespaces=15000'
  if (!machine.usersMayUnshare) return 'let users make namespaces: sysctl kernel.unprivileged_userns_clone=1'
  // bubblewrap's word for it: the kernel mounts no fresh /proc where parts of the one that is there are hidden.
  const needsProc = /proc/i.test(why)
  if (inside === 'kubernetes')
    return 'in the pod: hostUsers: false, and in the container’s securityContext procMount: Unmasked, seccompProfile: { type: Unconfined } and appArmorProfile: { type: Unconfined } (docs/ci.md), as mayfly run --isolation kubernetes writes it'
  if (inside === 'podman') return 'start the container with --security-opt unmask=ALL'
  if (inside === 'docker' || inside === 'container')
    return needsProc
      ? 'start the container with --security-opt systempaths=unconfined'
      : 'start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined (where the machine has AppArmor also --security-opt apparmor=unconfined)'
  if (needsProc)
    return 'start this container with an unmasked /proc (docker: --security-opt systempaths=unconfined; podman: --security-opt unmask=ALL)'
  if (machine.appArmorRestricts)
    return 'AppArmor keeps user namespaces from programs that have no profile: scripts/setup gives bubblewrap one with `userns,` (needs sudo)'
  if (machine.isFiltered)
    return 'a filter of system calls is on this process: start its container with --security-opt seccomp=unconfined'
  return 'run scripts/setup, which says what is missing'
}
