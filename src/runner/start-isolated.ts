import { startedBy } from './long-script.ts'
import { ciFilesOf, outputFileInside, outputVariable } from './conventions/index.ts'
import type { StepCredentials } from './credentials/index.ts'
import { namedAuthorities, planDoors, tooManyHosts } from './doors.ts'
import { settingsFilesOf, stepEnvironment } from './environment.ts'
import { knownHostsOf } from './known-hosts.ts'
import { gitVariables } from './git-variables.ts'
import type { ByBubblewrap, Chosen } from './isolation.ts'
import type { OpenStep } from './opened-step.ts'
import {
  javaTrustFiles,
  startContainer,
  startSandbox,
  type Running,
  type Sandbox,
  type SandboxRequest,
} from './sandbox/index.ts'
import { mayNest } from './step-limits.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

/**
 * Starts the command of an open step in its sandbox; what it sends goes through the step's relay. With `isOurs` it is one of
 * Mayfly's own before the step's command: it has none of the CI's files, no caches and no input.
 */
export function startIsolated(
  deps: StepDeps,
  way: Exclude<Chosen, { tier: 'E' }>,
  request: StepRequest,
  { step, relay, covers, caches, limits, place }: OpenStep,
  { isOurs = false, credentials }: { isOurs?: boolean; credentials?: StepCredentials | undefined } = {},
): Running {
  const { passEnv, tools } = request
  const files = isOurs ? [] : ciFilesOf(deps.job)
  const workspaceInside = request.workspaceInside ?? request.workspace
  const writes = deps.session.roles.find(({ name }) => name === request.role)?.writes ?? true
  const env = {
    ...Object.fromEntries(files.map(({ variable, inside }) => [variable, inside])),
    ...(isOurs ? {} : { [outputVariable]: outputFileInside }),
    ...request.toolVariables,
    ...(isOurs ? {} : deps.stepVariables.of(request)),
    ...request.env,
    ...request.handed,
    ...credentials?.env,
  }
  // git, which is all that is ours, reads the proxy's variables.
  const doors = isOurs ? planDoors([], []) : planDoors(namedAuthorities(step), request.services)
  const tooMany = tooManyHosts(doors)
  if (tooMany !== undefined) deps.notices.tell(tooMany)
  const asked = {
    workspace: request.workspace,
    workspaceInside,
    tools,
    env: stepEnvironment({
      ...{ job: deps.job, passEnv, tools, step, workspaceInside, hostNames: doors.hostNames },
      env: { ...env, ...gitVariables(env, { writes, isOwn: place.kind === 'fresh' }) },
    }),
    handed: [...files.map(({ inside }) => inside), ...(isOurs ? [] : [outputFileInside])],
    settings: settingsFilesOf(step),
    knownHosts: isOurs ? '' : knownHostsOf(step),
    javaTrust: isOurs ? [] : javaTrustFiles(deps.job, tools),
    ...startedBy(request),
    caCertificate: step.ca_certificate,
    covers,
    folders: isOurs ? [] : (caches?.folders ?? []),
    withStdin: deps.stdin !== undefined && !isOurs,
    merged: deps.merged,
    limits,
    credentials,
    doors: { places: [...doors.ways.keys()], hosts: doors.hosts },
    ...(deps.mayBegin === undefined || isOurs ? {} : { mayBegin: deps.mayBegin }),
    isOwnWorkspace: place.kind === 'fresh',
    inUse: [...(request.inUse ?? []), ...ciFilesOf(deps.job).map(({ outside }) => outside)],
  }
  const sandbox =
    'engine' in way
      ? startContainer({
          ...asked,
          env: imageEnvironment(asked.env, request),
          engine: way.engine,
          image: way.digest,
        })
      : startRemembered(way, deps.notices.tell, { ...asked, nesting: mayNest(deps, request) && !isOurs })
  sandbox.onListener((listener, place) => {
    const target = doors.ways.get(place)
    if (target === undefined) listener.close()
    else relay.serve(listener, target)
  })
  return sandbox
}

/** What was remembered of this machine may be no longer so: a sandbox that does not begin, and that nobody ended, shows it. */
function startRemembered(
  way: ByBubblewrap,
  tell: (line: string) => void,
  asked: Omit<SandboxRequest, keyof ByBubblewrap>,
): Sandbox {
  const forget = () => {
    if (way.forget === undefined) return
    way.forget()
    tell(
      'mayfly: the sandbox did not begin as it did before on this machine: the next run tries anew what can be had here (mayfly doctor says it at once)',
    )
  }
  let isKilled = false
  try {
    const sandbox = startSandbox({ ...asked, ...way })
    const exit = sandbox.exit.then((code) => {
      if (!sandbox.hasStarted() && !isKilled) forget()
      return code
    })
    return {
      ...sandbox,
      exit,
      kill() {
        isKilled = true
        sandbox.kill()
      },
    }
  } catch (error) {
    forget()
    throw error
  }
}

/** An image has its own programs and the PATH to them; the machine's tools are not there. */
function imageEnvironment(
  env: Readonly<Record<string, string>>,
  request: StepRequest,
): Record<string, string> {
  const own = Object.keys(request.toolVariables)
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => request.env[name] !== undefined || (name !== 'PATH' && !own.includes(name)),
    ),
  )
}
