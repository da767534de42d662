/**
 * `mayfly run --isolation kubernetes`: prints, or hands to kubectl, a Job in which `mayfly run` runs the step, and the NetworkPolicy
 * that holds its pod. It holds no credential and asks for no token: the pod does, with the identity of its service account.
 * Invariant: what a user names is a value of an object, never a piece of YAML; every object is printed by the library.
 */
import { randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import { readEnvironment } from '../../config/environment.ts'
import { MayflyError } from '../../lib/index.ts'
import { policyOf } from '../policy-input.ts'
import { namedServer } from '../server-url.ts'
import { checkAsked } from './asked.ts'
import { jobOf, type RoleFacts } from './job.ts'
import { applyByKubectl } from './kubectl.ts'
import { networkPolicyOf } from './network-policy.ts'
import type { KubernetesOptions } from './options.ts'
import { refuseSecrets, valuesOf } from './values.ts'

/** Prints the objects, or applies them; the exit code is kubectl's, and says nothing of the step. Throws `bad_input`. */
export async function runInKubernetes(
  command: readonly string[],
  options: KubernetesOptions,
): Promise<number> {
  const { variables, audience } = readEnvironment()
  const server = namedServer(options.server)
  if (server === undefined)
    throw new MayflyError('bad_input', 'say where the Mayfly server is: --server URL or MAYFLY_SERVER')
  const asked = checkAsked(command, options)
  if (isLoopback(server))
    process.stderr.write(
      `mayfly: in the pod ${server} is the pod itself: name the server as the cluster reaches it (--server URL)\n`,
    )
  refuseSecrets([...command, options.name], asked.env, variables)
  const role = await roleFacts(asked.role, options)
  const network = networkPolicyOf(asked.namespace, asked.reach, asked.dns)
  const job = jobOf({
    ...{ namespace: asked.namespace, image: asked.image, serviceAccount: asked.serviceAccount, role },
    name: `mayfly-${wordOf(options.name)}-${randomBytes(5).toString('hex')}`,
    ...{ seccomp: asked.seccomp, network: network.name, audience: audience ?? server },
    env: {
      ...valuesOf(asked.env, variables),
      ...(audience === undefined ? {} : { MAYFLY_AUDIENCE: audience }),
    },
    command: [
      ...['mayfly', 'run', '--server', server, '--role', asked.role, `--name=${options.name}`],
      ...[`--lockfile=${options.lockfile}`, ...asked.env.flatMap((name) => ['--env', name])],
      ...['--', ...command],
    ],
  })
  const objects = [network.object, job]
  if (options.submit === true) return applyByKubectl(yamlOf(objects), variables)
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })}\n`
      : yamlOf(objects),
  )
  return 0
}

/** localhost, 127.0.0.0/8 and ::1, as a URL has them once it is read. */
function isLoopback(server: string): boolean {
  const host = URL.canParse(server) ? new URL(server).hostname : ''
  return host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '[::1]'
}

/** Every text in quotes: kubectl reads YAML 1.1, in which more plain words are something else than text. */
export function yamlOf(objects: readonly object[]): string {
  return objects
    .map((object) =>
      stringify(object, {
        defaultStringType: 'QUOTE_DOUBLE',
        defaultKeyType: 'PLAIN',
        aliasDuplicateObjects: false,
        lineWidth: 0,
        doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
      }),
    )
    .join('---\n')
}

/** Of the policy of a file, or of the one in force. */
async function roleFacts(name: string, options: KubernetesOptions): Promise<RoleFacts> {
  const { policy } = await policyOf({
    ...(options.policy === undefined ? {} : { file: options.policy }),
    ...(options.server === undefined ? {} : { server: options.server }),
  }).catch((cause: unknown) => {
    if (options.policy !== undefined || !(cause instanceof MayflyError) || cause.code !== 'unauthorized')
      throw cause
    throw new MayflyError(
      'unauthorized',
      `the role’s limits are read from the policy: name its file with --policy FILE, or ${cause.message}`,
    )
  })
  const role = policy.roles.get(name)
  if (role === undefined)
    throw new MayflyError(
      'bad_input',
      `there is no role "${name}": there are ${[...policy.roles.keys()].join(', ')}`,
    )
  const { memoryBytes, cpus, diskBytes, timeSeconds } = role.limits
  return {
    ...{ name, memoryBytes, cpus, diskBytes },
    seconds: Math.min(timeSeconds ?? role.ttlSeconds, role.ttlSeconds),
    graceSeconds: role.graceSeconds,
    waitSeconds: role.approval ? role.maxWaitSeconds : 0,
  }
}

/** Of a step's name what may stand in the name of a Job. */
function wordOf(name: string): string {
  const word = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 30)
    .replaceAll(/^-+|-+$/g, '')
  return word === '' ? 'run' : word
}
