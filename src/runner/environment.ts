import { normalize } from 'node:path'
import { isHandedOn, isNeverHandedOn } from '../lib/index.ts'
import { kindNamed, kindNames, type SettingsFile } from '../kinds/index.ts'
import type { StepGrant } from './api-facts.ts'
import { placeVariables } from './conventions/index.ts'
import { aroundProxy, proxyPort } from './doors.ts'
import { aptConfigInside, caBundleInside, caInside, homeInside, settingsInside } from './sandbox/index.ts'
import { realPath } from './workspace/index.ts'

/** What a step has of the job's variables. */
export function passedVariables(
  job: Readonly<Record<string, string>>,
  passEnv: readonly string[],
): Record<string, string> {
  const passed = Object.entries(job).filter(
    ([name]) => name !== 'PATH' && !isNeverHandedOn(name) && (isHandedOn(name) || passEnv.includes(name)),
  )
  return Object.fromEntries(passed)
}

/** The step's whole environment. What is not listed here does not exist for it. */
export function stepEnvironment(request: {
  job: Readonly<Record<string, string>>
  passEnv: readonly string[]
  env: Readonly<Record<string, string>>
  /** Folders that the sandbox has beside the system's. */
  tools: readonly string[]
  /** Hosts that have a door. */
  hostNames?: readonly string[]
  step: StepGrant
  workspaceInside: string
}): Record<string, string> {
  const { job, step } = request
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...passedVariables(job, request.passEnv),
    ...placeVariables(job, request.workspaceInside),
    ...toolPath(job['PATH'], request.tools),
    ...request.env,
    ...networkVariables(step, noProxyOf(request)),
    HOME: homeInside,
    USER: 'step',
    LOGNAME: 'step',
    SHELL: '/bin/sh',
    TMPDIR: '/tmp',
    MAYFLY_RUN: step.run_id,
    MAYFLY_STEP: step.step_id,
  }
}

// Tools that CI images put under /opt are on the job's PATH; folders that the sandbox does not have are left out.
function toolPath(path: string | undefined, tools: readonly string[]): { PATH?: string } {
  const roots = ['/usr', '/opt', '/bin', '/sbin', ...tools]
  const inside = (path ?? '')
    .split(':')
    .map((folder) => normalize(folder))
    .flatMap((folder) => [folder, realPath(folder)].find((path) => isIn(path, roots)) ?? [])
  return inside.length === 0 ? {} : { PATH: inside.join(':') }
}

function isIn(folder: string | undefined, roots: readonly string[]): folder is string {
  return folder !== undefined && roots.some((root) => folder === root || folder.startsWith(`${root}/`))
}

/** What the job and the step's own `env` say of it; what each tool makes of two spellings differs, so both are meant. */
function noProxyOf({
  job,
  env,
  hostNames = [],
}: Pick<Parameters<typeof stepEnvironment>[0], 'job' | 'env' | 'hostNames'>): string {
  const said = [job, env].flatMap((from) => [from['NO_PROXY'], from['no_proxy']]).join(',')
  return ['localhost', '127.0.0.1', '::1', ...aroundProxy(said, hostNames)].join(',')
}

function networkVariables(step: StepGrant, around: string): Record<string, string> {
  const proxy = `http://127.0.0.1:${proxyPort}`
  return {
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    ALL_PROXY: proxy,
    all_proxy: proxy,
    NO_PROXY: around,
    no_proxy: around,
    NODE_USE_ENV_PROXY: '1',
    NODE_EXTRA_CA_CERTS: caInside,
    DENO_CERT: caInside,
    SSL_CERT_FILE: caBundleInside,
    CURL_CA_BUNDLE: caBundleInside,
    GIT_SSL_CAINFO: caBundleInside,
    REQUESTS_CA_BUNDLE: caBundleInside,
    PIP_CERT: caBundleInside,
    AWS_CA_BUNDLE: caBundleInside,
    CARGO_HTTP_CAINFO: caBundleInside,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: caBundleInside,
    APT_CONFIG: aptConfigInside,
    NPM_CONFIG_CAFILE: caBundleInside,
    GIT_TERMINAL_PROMPT: '0',
    // What npm sends beside the packages themselves would only be refused.
    NPM_CONFIG_AUDIT: 'false',
    NPM_CONFIG_FUND: 'false',
    NPM_CONFIG_UPDATE_NOTIFIER: 'false',
    ...variablesOfKinds(step),
  }
}

function variablesOfKinds(step: StepGrant): Record<string, string> {
  const ofKinds = kindNames.map((name) =>
    kindNamed(name).variables?.(
      step.connections.filter(({ kind }) => kind === name),
      { ca: caInside, settings: settingsInside },
    ),
  )
  const files = settingsFilesOf(step).map(({ name, variable }) =>
    variable === undefined ? {} : { [variable]: `${settingsInside}/${name}` },
  )
  return Object.assign({}, ...ofKinds, ...files)
}

/** Files of settings that the step sees in `settingsInside`. */
export function settingsFilesOf({ connections }: StepGrant): SettingsFile[] {
  return kindNames.flatMap(
    (name) =>
      kindNamed(name).settingsFiles?.(
        connections.filter(({ kind }) => kind === name),
        { ca: caInside, settings: settingsInside },
      ) ?? [],
  )
}

/** The job's environment for a step without a sandbox: all of it but what makes tokens. */
export function bareEnvironment(job: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(job).filter(([name]) => !isNeverHandedOn(name)))
}
