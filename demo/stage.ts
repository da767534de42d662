import { execFileSync, spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { readEnvironment } from '../src/config/environment.ts'
import { startGitServer, makeRepository, type GitServer } from './peers/git-server.ts'
import { startIssuer, type CiIssuer } from './peers/issuer.ts'

export const projectFolder = fileURLToPath(new URL('..', import.meta.url))
const mayfly = join(projectFolder, 'bin', 'mayfly')

/** Everything that is up around a pipeline: Mayfly itself, a private Git server, a CI that signs tokens. */
export interface Stage {
  readonly folder: string
  readonly workspace: string
  readonly dataFolder: string
  readonly server: string
  readonly up: Up
  /** The policy in force. */
  readonly policyFile: string
  readonly operatorToken: string
  readonly issuer: CiIssuer
  readonly git: GitServer
  /** What a CI job has in its environment, Mayfly's server and where to ask for an identity token included. */
  jobEnvironment(claims?: Record<string, unknown>): Record<string, string>
  /** Runs `mayfly` as an operator. */
  operate(args: readonly string[], input?: string): Promise<Ran>
  /** Runs `mayfly` as a job. */
  runJob(args: readonly string[], env: Record<string, string>, onText?: (text: string) => void): Promise<Ran>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

const gitHost = 'git.example.com'
const repository = 'octo-org/links'

/** Starts the peers and `mayfly up`, and applies examples/mayfly.yaml with where the peers really are. */
export async function setStage(
  options: {
    policy?: (text: string) => string
    upArguments?: readonly string[]
    /** Certificate authorities that jobs and operators trust beside the system's. */
    caFile?: string
    /** Of a data folder that was started before. */
    operatorToken?: string
    withoutSecret?: boolean
  } = {},
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-stage-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const workspace = join(folder, 'workspace')
  const dataFolder = join(folder, 'data')
  mkdirSync(workspace)
  const root = join(folder, 'git')
  makeRepository({
    root,
    path: repository,
    source: join(projectFolder, 'examples/app'),
    history: join(projectFolder, 'examples/history.json'),
  })
  const issuer = await startIssuer()
  started.defer(() => issuer.close())
  const git = await startGitServer({ root, host: gitHost, credential: `ci-bot:${randomPassword()}` })
  started.defer(() => git.close())
  const up = await startUp(dataFolder, options.upArguments)
  started.defer(async () => void (await up.stop()))
  const trust = options.caFile === undefined ? {} : { MAYFLY_CA_FILE: options.caFile }
  const operatorToken = options.operatorToken ?? up.operatorToken
  const operator = { MAYFLY_SERVER: up.url, MAYFLY_TOKEN: operatorToken, ...trust }
  const operate = (args: readonly string[], input = '') =>
    runMayfly(args, { ...baseEnvironment(), ...operator }, { input })
  if (options.withoutSecret !== true) await mustWork(operate(['secret', 'set', 'git'], git.credential))
  const policy = localPolicy(readFileSync(join(projectFolder, 'examples/mayfly.yaml'), 'utf8'), issuer, git)
  const file = join(folder, 'mayfly.yaml')
  writeFileSync(file, options.policy?.(policy) ?? policy)
  await mustWork(operate(['apply', file]))
  const running = started.move()
  return {
    folder,
    workspace,
    dataFolder,
    issuer,
    git,
    operate,
    server: up.url,
    up,
    policyFile: file,
    operatorToken,
    jobEnvironment: (claims) => ({
      ...baseEnvironment(),
      // The job runs for the commit that is there.
      ...issuer.jobEnvironment({ sha: headOf(root), ...claims }),
      MAYFLY_SERVER: up.url,
      ...trust,
      CI: 'true',
      GITHUB_REPOSITORY: repository,
    }),
    runJob: (args, env, onText) =>
      runMayfly([...args, ...nodeTools()], env, {
        cwd: workspace,
        ...(onText === undefined ? {} : { onText }),
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function headOf(root: string): string {
  const folder = join(root, `${repository}.git`)
  return execFileSync('git', ['-c', 'safe.directory=*', '-C', folder, 'rev-parse', 'main'], {
    encoding: 'utf8',
  }).trim()
}

/** The example's policy with the addresses of today's peers; nothing else is changed. */
function localPolicy(text: string, issuer: CiIssuer, git: GitServer): string {
  const { registry, ca } = npmRegistry()
  const json = JSON.stringify
  return text
    .replace('kind: github-actions,', `kind: github-actions, url: ${json(issuer.url)},`)
    .replace(
      `url: https://${gitHost},`,
      `url: https://${gitHost}, dial: ${json(git.dial)}, ca: ${json(git.ca)},`,
    )
    .replace(
      'url: https://registry.example.com',
      `url: ${json(registry)}${ca === undefined ? '' : `, ca: ${json(ca)}`}`,
    )
}

/** The registry that npm is configured for on this machine, and its CA if it is not one of the system's. */
export function npmRegistry(): { registry: string; ca: string | undefined } {
  const { npm, variables } = readEnvironment()
  const asked = () =>
    execFileSync('npm', ['config', 'get', 'registry', 'cafile'], {
      encoding: 'utf8',
      env: variables,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const said = npm.registry !== undefined && npm.cafile !== undefined ? '' : asked()
  const ask = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(said)?.[1] ?? ''
  const registry = (npm.registry ?? ask('registry')).replace(/\/+$/, '')
  const cafile = npm.cafile ?? ask('cafile')
  const isOwn = cafile !== '' && cafile !== 'null' && !cafile.startsWith('/etc/ssl/')
  return { registry, ca: isOwn ? readFileSync(cafile, 'utf8') : undefined }
}

/** `--tools` for a Node that lives neither under /usr nor /opt (nvm, asdf, ...). */
function nodeTools(): string[] {
  const folders = (readEnvironment().variables['PATH'] ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
  const node = folders.map((folder) => join(folder, 'node')).find(isExecutable)
  if (node === undefined || /^\/(?:usr|opt)\//.test(node)) return []
  return ['--tools', dirname(dirname(realpathSync(node)))]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A job's environment must not inherit what the caller has set for Mayfly or a CI. */
export function baseEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(readEnvironment().variables).filter(
      ([name]) => !/^(?:MAYFLY_|ACTIONS_|npm_|NPM_CONFIG_|GITHUB_)/.test(name),
    ),
  )
}

function randomPassword(): string {
  return `gp_${crypto.randomUUID().replaceAll('-', '')}`
}

export interface Up {
  readonly url: string
  readonly gatewayUrl: string
  readonly auditUrl: string
  /** Only of the very first start. */
  readonly operatorToken: string
  readonly pid: number
  readonly readyMs: number
  /** What it has said on standard error so far. */
  said(): string
  /** Sends the signal and waits for the end; returns the exit code, or null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

// A third of a start is compiling; tests start some hundred servers. What bench/ measures starts as it does for everybody.
function testCache(): Record<string, string> {
  if (process.env['NODE_TEST_CONTEXT'] === undefined) return {}
  return { NODE_COMPILE_CACHE: join(projectFolder, 'node_modules/.cache/compile') }
}

/** `mayfly up` as a process, ready. Throws what it said if it does not become so. */
export async function startUp(
  dataFolder: string,
  args: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<Up> {
  const ports = ['--port', '--gateway-port', '--audit-port']
    .filter((name) => !args.includes(name))
    .flatMap((name) => [name, '0'])
  const [program = '', ...rest] = [...prefix, mayfly, 'up', '--data', dataFolder, ...ports, '--json', ...args]
  const env = { ...baseEnvironment(), ...testCache() }
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-8000)))
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  const line = await Promise.race([
    new Promise<string>((done) => createInterface({ input: child.stdout }).once('line', done)),
    ended.then((code) => Promise.reject(new Error(`exit ${code}: ${said.trim()}`))),
  ])
  const ready = JSON.parse(line) as {
    url: string
    gateway: string
    audit: string
    operator_token?: string
    ready_ms: number
  }
  return {
    url: ready.url,
    gatewayUrl: ready.gateway,
    auditUrl: ready.audit,
    operatorToken: ready.operator_token ?? '',
    pid: child.pid ?? 0,
    readyMs: ready.ready_ms,
    said: () => said,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

export function runMayfly(
  args: readonly string[],
  env: Record<string, string>,
  options: { cwd?: string; input?: string; onText?: (text: string) => void } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(mayfly, args, { env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      options.onText?.(text)
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? 255, stdout, stderr }))
  })
}

async function mustWork(running: Promise<Ran>): Promise<Ran> {
  const ran = await running
  if (ran.exitCode !== 0) throw new Error(ran.stderr.trim())
  return ran
}

/** Puts the hostile step's program where a compromised dependency would have put it. */
export function plantHostileStep(workspace: string): void {
  cpSync(join(projectFolder, 'demo/hostile.sh'), join(workspace, '.hostile.sh'))
}
