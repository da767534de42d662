import { spawn } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Environment } from '../../config/environment.ts'
import { MayflyError, messageOf, systemCode } from '../../lib/index.ts'
import type { HandedCredential, StepGrant } from '../api-facts.ts'
import { exclusive, flock } from '../workspace/flock.ts'
import { readLine } from './agent-line.ts'
import { agentSocket } from './agent-place.ts'
import type { AgentQuestion } from './agent.ts'

/** The agent of this job, as its helpers use it. */
export interface Agent {
  /** Those whose credentials the role hands out. */
  connections(): Promise<StepGrant['connections']>
  credential(connection: string): Promise<HandedCredential>
  /** Its host took no more what was handed out of it. Of an agent that does not run nothing is: none is started for it. */
  refused(place: (offered: StepGrant['connections']) => string | undefined): Promise<void>
}

export interface AgentPlace {
  readonly environment: Environment
  readonly server: string
  readonly role: string
}

const startPatienceMs = 120_000

/**
 * The job's agent, started when it is asked and there is none: `command` is what runs it, and says a line once it listens. Two
 * helpers at once start one. What is asked throws what the agent says where it cannot open a session.
 */
export function findAgent(place: AgentPlace, command: readonly string[]): Agent {
  const path = agentSocket(place.environment, place.server, place.role)
  const askIt = async <T>(question: AgentQuestion): Promise<T> => {
    try {
      return await ask(path, question)
    } catch (error) {
      // There is none, or it has ended this moment.
      if (!isGone(error)) throw error
      await startOnce(path, command)
      return await ask(path, question)
    }
  }
  return {
    connections: () => askIt({ ask: 'connections' }),
    credential: (connection) => askIt({ ask: 'credential', connection }),
    async refused(place) {
      try {
        const connection = place(await ask(path, { ask: 'connections' }))
        if (connection !== undefined) await ask(path, { ask: 'refused', connection })
      } catch (error) {
        if (!isGone(error)) throw error
      }
    },
  }
}

/** Ends it, and what it handed out; false if there is none. */
export async function endAgent(place: AgentPlace): Promise<boolean> {
  const path = agentSocket(place.environment, place.server, place.role)
  if (!(await answers(path))) return false
  await ask(path, { ask: 'end' })
  return true
}

/** Whoever holds the lock starts it, and what a killed one left is not in the way. */
async function startOnce(path: string, command: readonly string[]): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  const fd = inPlaceOf(`${path}.lock`, (lock) => openSync(lock, flags, 0o600))
  try {
    await flock([{ fd, how: exclusive }], AbortSignal.timeout(startPatienceMs), 0)
    if (await answers(path)) return
    inPlaceOf(path, (dead) => rmSync(dead, { force: true }))
    await start(path, command)
  } finally {
    closeSync(fd)
  }
}

/** Nothing but a dead socket, or a lock, is to be there. */
function inPlaceOf<T>(path: string, act: (path: string) => T): T {
  try {
    return act(path)
  } catch (cause) {
    const why = systemCode(cause) ?? messageOf(cause)
    throw new MayflyError(
      'data_folder',
      `${path}, where the credential agent of this job would listen, cannot be used (${why}): remove it`,
      { cause },
    )
  }
}

async function start(path: string, [program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, [...args, path], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  child.unref()
  const said = await Promise.race([
    firstLine(child.stdout),
    new Promise<string>((resolve) => setTimeout(resolve, startPatienceMs, '').unref()),
  ])
  child.stdout.destroy()
  if (said !== 'ready')
    throw new MayflyError('denied', said === '' ? 'the credential agent did not start' : said)
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let said = ''
  for await (const piece of stream) {
    said += String(piece)
    if (said.includes('\n')) break
  }
  return said.split('\n')[0] ?? ''
}

async function answers(path: string): Promise<boolean> {
  try {
    ;(await open(path)).destroy()
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED'].includes(systemCode(error) ?? '')
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function ask<T>(path: string, question: AgentQuestion): Promise<T> {
  const socket = await open(path)
  try {
    socket.write(`${JSON.stringify(question)}\n`)
    const said = JSON.parse(await readLine(socket)) as { ok?: T; error?: string }
    if (said.error !== undefined) throw new MayflyError('denied', said.error)
    return said.ok as T
  } finally {
    socket.destroy()
  }
}
