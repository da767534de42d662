import { MayflyError } from '../../lib/index.ts'
import type { Seccomp } from './job.ts'
import type { KubernetesOptions } from './options.ts'
import { isLabel, isSubdomain, placeOf, type Place } from './places.ts'

/** An engine would read another as an option; a registry takes none. */
const imageName = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,254}$/

export interface Asked {
  readonly namespace: string
  readonly serviceAccount: string
  readonly image: string
  readonly role: string
  readonly seccomp: Seccomp
  readonly reach: readonly Place[]
  readonly dns: readonly Place[]
  readonly env: readonly string[]
}

/** What a command line asks for. Throws `bad_input` with what to write. */
export function checkAsked(command: readonly string[], options: KubernetesOptions): Asked {
  const { namespace, serviceAccount, image, role, reach = [], dns = ['namespace/kube-system:53'] } = options
  const refuse = (why: string) => new MayflyError('bad_input', `--isolation kubernetes: ${why}`)
  const out = leftOut.find(([name, standard]) => options[name] !== undefined && options[name] !== standard)
  if (out !== undefined) throw refuse(`leave ${out[2]} out: ${out[3]}`)
  if (command.length === 0) throw refuse('say what to run, after --')
  if (role === undefined || !isLabel(role)) throw refuse('say in which role: --role ROLE')
  if (image === undefined || !imageName.test(image))
    throw refuse('say which image has mayfly in it: --image REGISTRY/NAME@sha256:DIGEST')
  if (namespace === undefined || !isLabel(namespace))
    throw refuse('say in which namespace the Job is to be: --namespace NAME')
  if (serviceAccount === undefined || !isSubdomain(serviceAccount))
    throw refuse('say which service account the step is: --service-account NAME')
  if (reach.length === 0)
    throw refuse(
      'say where the Mayfly server and its gateway are, which alone the pod may reach: --reach 192.0.2.7:7700 --reach 192.0.2.7:7701, or --reach namespace/mayfly:7700',
    )
  return {
    ...{ namespace, serviceAccount, image, role, seccomp: seccompOf(options.seccomp) },
    reach: reach.map((text) => placeOf('--reach', text)),
    dns: dns[0] === 'none' ? [] : dns.map((text) => placeOf('--dns', text)),
    env: options.env ?? [],
  }
}

/** Options of `mayfly run` that mean something on the machine of the caller, what they are if left out, and why they are refused. */
const leftOut: readonly (readonly [
  option: keyof KubernetesOptions,
  standard: unknown,
  name: string,
  why: string,
])[] = [
  ['file', undefined, '--file', 'a Job runs one command; each step of a file is a Job of its own'],
  ['stdin', false, '--stdin', 'nobody writes to a pod’s standard input'],
  ['workspace', '.', '--workspace', 'a pod has none of the caller’s: it starts with an empty one'],
  ['checkout', false, '--checkout', 'the token of a service account names no commit: clone in the command'],
  ['sharedWorkspace', false, '--shared-workspace', 'a pod’s workspace is its own'],
  ['tools', undefined, '--tools', 'the tools are those of the image'],
  ['service', undefined, '--service', 'a pod has no services on its localhost'],
  ['cache', undefined, '--cache', 'nothing of a pod stays'],
  ['dotenv', undefined, '--dotenv', 'nobody reads a file of the pod’s'],
  ['junit', undefined, '--junit', 'the results are with the server: mayfly audit show --run'],
  ['results', undefined, '--results', 'the results are with the server: mayfly audit show --run'],
  ['jobs', undefined, '--jobs', 'a Job runs one command'],
]

function seccompOf(text = 'unconfined'): Seccomp {
  const [, path] = /^localhost\/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/?){1,10})$/.exec(text) ?? []
  if (path !== undefined) return { type: 'Localhost', localhostProfile: path }
  if (text === 'unconfined') return { type: 'Unconfined' }
  if (text === 'runtime-default') return { type: 'RuntimeDefault' }
  throw new MayflyError(
    'bad_input',
    `--seccomp ${text}: it is unconfined, runtime-default, or localhost/FILE below the kubelet's folder seccomp`,
  )
}
