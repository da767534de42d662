import { networkLabel } from './network-policy.ts'

/** What one step's Job is made of; checked before. */
export interface JobFacts {
  readonly name: string
  readonly namespace: string
  readonly image: string
  readonly serviceAccount: string
  readonly seccomp: Seccomp
  /** The NetworkPolicy that holds its pod. */
  readonly network: string
  readonly role: RoleFacts
  /** What the identity token is made for. */
  readonly audience: string
  /** Of the pod: variables of the caller's that the step asks for. */
  readonly env: Readonly<Record<string, string>>
  /** `mayfly run` and its arguments, as the pod runs them. */
  readonly command: readonly string[]
}

/** The pod's own filter of system calls: the runtime's, none, or a file of the node below the kubelet's folder. */
export type Seccomp =
  | { readonly type: 'RuntimeDefault' | 'Unconfined' }
  | { readonly type: 'Localhost'; readonly localhostProfile: string }

export interface RoleFacts {
  readonly name: string
  readonly memoryBytes: number
  /** undefined: all of the node. */
  readonly cpus: number | undefined
  readonly diskBytes: number
  /** How long a step may run, and from when it is asked to end until it is killed. */
  readonly seconds: number
  readonly graceSeconds: number
  /** How long people may take to approve it. */
  readonly waitSeconds: number
}

/** Scheduling, and pulling the image. */
const startSeconds = 900
/** Of a Job that has ended: its output is with the Mayfly server. */
const keptSeconds = 3_600
const mebibyte = 2 ** 20
/** Of `mayfly run` itself, so that the step meets its own limit first, which names it. */
const ownMemoryBytes = 512 * mebibyte
const ownDiskBytes = 256 * mebibyte
/** Of no account of an image, and below the 65,536 that a pod with users of its own has. */
const user = 65_532

/** A folder that is the step's own: git works in no folder of another user's, and an emptyDir is root's. */
const script = 'mkdir -m 700 step && cd step && exec "$@"'

/** A batch/v1 Job whose pod runs one step, by `mayfly run` in tier B: once, as nobody, with no right of the cluster's. */
export function jobOf(facts: JobFacts): Record<string, unknown> {
  const { name, namespace, role, network } = facts
  const labels = {
    'app.kubernetes.io/name': 'mayfly-step',
    'app.kubernetes.io/managed-by': 'mayfly',
    'mayfly-role': role.name,
    [networkLabel]: network,
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      // A step may have pushed or published before it failed.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: startSeconds + role.waitSeconds + role.seconds + role.graceSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: { metadata: { labels }, spec: podOf(facts) },
    },
  }
}

function podOf(facts: JobFacts): Record<string, unknown> {
  const { role, serviceAccount, audience, seccomp } = facts
  const ids = { runAsNonRoot: true, runAsUser: user, runAsGroup: user }
  return {
    restartPolicy: 'Never',
    // Users of the pod's own: root in it, if a step ever became that, is nobody on the node.
    hostUsers: false,
    serviceAccountName: serviceAccount,
    // No token for the cluster's API, and no variables that say which services there are.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: role.graceSeconds + 30,
    securityContext: { ...ids, seccompProfile: seccomp },
    containers: [containerOf(facts)],
    volumes: [
      { name: 'workspace', emptyDir: { sizeLimit: String(role.diskBytes) } },
      { name: 'tmp', emptyDir: { sizeLimit: String(ownDiskBytes) } },
      {
        name: 'identity',
        projected: {
          // With no fsGroup, and one user in all containers, the kubelet makes it that user's alone.
          sources: [{ serviceAccountToken: { path: 'token', audience, expirationSeconds: 600 } }],
        },
      },
    ],
  }
}

function containerOf({ image, role, env, command }: JobFacts): Record<string, unknown> {
  const memory = role.memoryBytes + ownMemoryBytes
  const disk = role.diskBytes + ownDiskBytes
  return {
    name: 'step',
    image,
    command: ['/bin/sh', '-c', script, 'sh', ...command].map(unexpanded),
    workingDir: '/workspace',
    env: Object.entries({ ...env, HOME: '/tmp', MAYFLY_ID_TOKEN_FILE: '/var/run/mayfly/token' }).map(
      ([variable, value]) => ({ name: variable, value: unexpanded(value) }),
    ),
    resources: {
      limits: {
        memory: String(memory),
        'ephemeral-storage': String(disk),
        ...(role.cpus === undefined ? {} : { cpu: `${Math.ceil(role.cpus * 1_000)}m` }),
      },
      // Else they are the limits, which a node would have to have free.
      requests: {
        memory: String(Math.min(memory, 1_024 * mebibyte)),
        'ephemeral-storage': String(Math.min(disk, 1_024 * mebibyte)),
        cpu: `${Math.ceil(Math.min(role.cpus ?? 1, 0.5) * 1_000)}m`,
      },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      // bubblewrap mounts a fresh /proc, which the kernel allows only where no part of the old one is hidden. And it mounts at
      // all, which the AppArmor profile of containerd denies.
      procMount: 'Unmasked',
      appArmorProfile: { type: 'Unconfined' },
    },
    volumeMounts: [
      { name: 'workspace', mountPath: '/workspace' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'identity', mountPath: '/var/run/mayfly', readOnly: true },
    ],
  }
}

/** The kubelet puts a variable's value in the place of $(NAME), and $ in that of $$. */
function unexpanded(text: string): string {
  return text.replaceAll('$', '$$$$')
}
