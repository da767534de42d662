import { resolve } from 'node:path'
import { readEnvironment } from '../../config/environment.ts'
import { MayflyError, systemClock, version } from '../../lib/index.ts'
import { endAgent, findAgent, runAgent, type Agent, type HandedCredential } from '../../runner/index.ts'
import { namedServer } from '../server-url.ts'
import { writeAwsAnswer } from './aws.ts'
import { notFound, readServerUrl, writeDockerAnswer, writeDockerList } from './docker.ts'
import { readGitQuestion, writeGitAnswer } from './git.ts'
import { readExecInfo, writeExecCredential } from './kubectl.ts'
import { writeNpmLine } from './npm.ts'
import { connectionAt, namedConnection, type Offered, type Place } from './place.ts'

export interface HelperOptions {
  readonly role?: string
  readonly server?: string
  readonly connection?: string
  readonly caFile?: string
}

const maxInputBytes = 65_536

/**
 * `mayfly credential git`: get; and erase, by which git says that the host refused what it was given, so the next one is another.
 * Nothing for what else git says (gitcredentials(7)): what it was given is kept nowhere.
 */
export async function helpGit(operation: string, options: HelperOptions): Promise<void> {
  const said = await readInput()
  if (operation !== 'get' && operation !== 'erase') return
  const question = readGitQuestion(said)
  if (question === undefined)
    throw new MayflyError('bad_input', 'git asks for no plain protocol, host and path: nothing is given')
  if (operation === 'erase') return await refusedAt([question.place], agentOf(options), ['git'])
  const credential = await credentialAt([question.place], agentOf(options), ['git'])
  // Without an answer git asks its other helpers.
  if (credential !== undefined) process.stdout.write(writeGitAnswer(credential, question))
}

/** `mayfly credential docker`, behind the name docker-credential-mayfly. Its faults stand on standard output, as docker wants them. */
export async function helpDocker(operation: string, options: HelperOptions): Promise<number> {
  try {
    return await answerDocker(operation, options)
  } catch (error) {
    process.stdout.write(`mayfly: ${error instanceof MayflyError ? error.message : 'it failed'}\n`)
    return 1
  }
}

async function answerDocker(operation: string, options: HelperOptions): Promise<number> {
  if (operation === 'list') {
    process.stdout.write(writeDockerList(await agentOf(options).connections()))
    return 0
  }
  if (operation === 'version') {
    process.stdout.write(`docker-credential-mayfly (mayfly) v${version}\n`)
    return 0
  }
  const said = await readInput()
  const places = readServerUrl(said)
  if (operation === 'erase') {
    await refusedAt(places, agentOf(options), ['oci'])
    return 0
  }
  if (operation === 'store')
    throw new MayflyError(
      'denied',
      'nothing is kept here, and no login is needed: each is made when it is asked for',
    )
  if (operation !== 'get')
    throw new MayflyError('bad_input', `unknown credential action ${JSON.stringify(operation.slice(0, 40))}`)
  const credential = places.length === 0 ? undefined : await credentialAt(places, agentOf(options), ['oci'])
  process.stdout.write(credential === undefined ? `${notFound}\n` : writeDockerAnswer(said, credential))
  return credential === undefined ? 1 : 0
}

export async function helpAws(options: HelperOptions): Promise<void> {
  process.stdout.write(writeAwsAnswer(await credentialNamed(options)))
}

export async function helpKubectl(options: HelperOptions): Promise<void> {
  const question = readExecInfo(readEnvironment().variables['KUBERNETES_EXEC_INFO'])
  const agent = agentOf(options)
  const offered = await agent.connections()
  const one =
    question.cluster === undefined || options.connection !== undefined
      ? namedConnection(options.connection, offered)
      : connectionAt(question.cluster, offered, ['http'])
  const isElsewhere =
    one !== undefined &&
    question.cluster !== undefined &&
    connectionAt(question.cluster, [one], [one.kind]) === undefined
  if (one === undefined || isElsewhere)
    throw new MayflyError('denied', 'the role hands out no credential for the cluster that kubectl names')
  process.stdout.write(writeExecCredential(await agent.credential(one.name), question))
}

export async function helpNpm(options: HelperOptions): Promise<void> {
  process.stdout.write(writeNpmLine(await credentialNamed(options, ['npm'])))
}

/** `mayfly credential end`: what was handed out is revoked. A job whose tools needed nothing has nothing to end, and goes on. */
export async function endHelper(options: HelperOptions): Promise<number> {
  const ended = await endAgent(placeOf(options))
  process.stderr.write(ended ? 'what was handed out is revoked\n' : 'nothing was handed out\n')
  return 0
}

/** The agent itself, which `findAgent` starts: says on standard output that it listens, or why it does not. */
export async function serveAgent(socket: string, options: HelperOptions): Promise<number> {
  const over = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => over.abort())
  // Whoever started it reads one line, and goes.
  process.stdout.on('error', () => undefined)
  try {
    await runAgent({
      ...placeOf(options),
      ...{ socket, clock: systemClock, cancel: over.signal },
      ready: () => process.stdout.write('ready\n'),
    })
    return 0
  } catch (error) {
    process.stdout.write(`${error instanceof MayflyError ? error.message : 'the agent failed'}\n`)
    return 1
  }
}

function placeOf({ role, server }: HelperOptions) {
  const environment = readEnvironment()
  const url = namedServer(server)
  const named = role ?? environment.variables['MAYFLY_ROLE'] ?? ''
  if (url === undefined || named === '')
    throw new MayflyError(
      'bad_input',
      `say ${url === undefined ? 'which server: --server or MAYFLY_SERVER' : 'in which role: --role or MAYFLY_ROLE'}`,
    )
  return { environment, server: url, role: named }
}

function agentOf(options: HelperOptions): Agent {
  const place = placeOf(options)
  const [program, ...before] = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
  const { caFile } = options
  const trust = caFile === undefined ? [] : ['--ca-file', resolve(caFile)]
  const named = ['--role', place.role, '--server', place.server, ...trust]
  return findAgent(place, [program, ...before, 'credential', 'agent', ...named])
}

async function credentialNamed(options: HelperOptions, kinds?: readonly string[]): Promise<HandedCredential> {
  const agent = agentOf(options)
  return await agent.credential(namedConnection(options.connection, await agent.connections(), kinds).name)
}

async function credentialAt(
  places: readonly Place[],
  agent: Agent,
  kinds: readonly string[],
): Promise<HandedCredential | undefined> {
  const one = connectionIn(places, await agent.connections(), kinds)
  return one === undefined ? undefined : await agent.credential(one)
}

/** The host there took no more what was handed out. */
async function refusedAt(places: readonly Place[], agent: Agent, kinds: readonly string[]): Promise<void> {
  await agent.refused((offered) => connectionIn(places, offered, kinds))
}

function connectionIn(
  places: readonly Place[],
  offered: readonly Offered[],
  kinds: readonly string[],
): string | undefined {
  return places.map((place) => connectionAt(place, offered, kinds)).find((one) => one !== undefined)?.name
}

async function readInput(): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxInputBytes)
      throw new MayflyError('bad_input', `standard input is larger than ${maxInputBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}
