import { dataFolderOf, readEnvironment } from '../../config/environment.ts'
import { MayflyError, messageOf, systemClock } from '../../lib/index.ts'
import { exitCodes, print } from '../output.ts'
import { namedServer } from '../server-url.ts'
import { visible } from '../story.ts'
import type { Check, Finding, Surroundings } from './check.ts'
import { checkData } from './data.ts'
import { checkDisk } from './disk.ts'
import { checkEngines } from './engines.ts'
import { checkFoundTools } from './found-tools.ts'
import { checkGateway } from './gateway.ts'
import { checkIdentity } from './identity.ts'
import { checkLimits } from './limits.ts'
import { checkLog } from './log.ts'
import { askMe } from './me.ts'
import { checkPort } from './port.ts'
import { checkProgram } from './program.ts'
import { checkSandbox } from './sandbox.ts'
import { checkServer } from './server.ts'
import { checkTools } from './tools.ts'
import { checkWorkspace } from './workspace.ts'

interface Options {
  fix: boolean
  workspace: string
  data?: string
  server?: string
  json: boolean
}

const parts: readonly { readonly title: string; readonly checks: readonly Check[] }[] = [
  {
    title: 'this machine, as a runner',
    checks: [
      checkProgram,
      checkSandbox,
      checkEngines,
      checkLimits,
      checkTools,
      checkFoundTools,
      checkWorkspace,
    ],
  },
  { title: 'the way to the server', checks: [checkServer, checkIdentity, checkGateway] },
  { title: 'this machine, as the server’s', checks: [checkData, checkLog, checkDisk, checkPort] },
]

/** `mayfly doctor`: what is wrong here, and the command that mends it. Looks only, unless `--fix`. */
export async function doctor(options: Options): Promise<number> {
  const here = surroundings(options)
  const found = await examine(here, options.fix)
  const findings = found.flatMap((part) => part.findings)
  const ok = findings.every(({ state }) => state !== 'fail')
  const told = findings.map(({ fix: _, ...rest }) => rest)
  print(options.json, { ok, findings: told }, [
    ...found.flatMap(({ title, findings: ofPart }) => ['', title, ...ofPart.flatMap(tell)]).slice(1),
    '',
    ok ? 'nothing stands in the way' : 'what is marked FAIL stands in the way',
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}

async function examine(here: Surroundings, fix: boolean): Promise<{ title: string; findings: Finding[] }[]> {
  const found: { title: string; findings: Finding[] }[] = []
  for (const { title, checks } of parts) {
    const findings: Finding[] = []
    for (const check of checks) findings.push(...(await attempt(check, here, fix)))
    found.push({ title, findings })
  }
  return found
}

/** One check; with `fix` mended and looked at again. A check that cannot look is a finding, too. */
async function attempt(check: Check, here: Surroundings, fix: boolean): Promise<readonly Finding[]> {
  const look = async () => [await check(here)].flat()
  try {
    const first = await look()
    const mending = fix ? first.flatMap((one) => one.fix ?? []) : []
    if (mending.length === 0) return first
    // Several findings may have one remedy, and it is done once.
    mending[0]?.()
    return await look()
  } catch (error) {
    return [{ name: 'doctor', state: 'fail', says: messageOf(error) }]
  }
}

function surroundings(options: Options): Surroundings {
  const environment = readEnvironment()
  const server = namedServer(options.server)
  let me: ReturnType<Surroundings['me']> | undefined
  return {
    environment,
    server,
    workspace: options.workspace,
    dataFolder: dataFolderHere(options.data),
    me: () => (me ??= askMe(server, environment)),
    nowMs: () => systemClock.nowMs(),
  }
}

/** On a runner there need be none, nor a home for one. */
function dataFolderHere(option: string | undefined): string | undefined {
  try {
    return dataFolderOf(option)
  } catch (error) {
    if (
      error instanceof MayflyError &&
      option === undefined &&
      readEnvironment().standardDataFolder === undefined
    )
      return undefined
    throw error
  }
}

const marks = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: '-   ' } as const

function tell({ name, state, says, mend }: Finding): string[] {
  const line = visible(`  ${marks[state]}  ${name.padEnd(11)}  ${says}`)
  return mend === undefined || state === 'ok' ? [line] : [line, visible(`${' '.repeat(21)}mend: ${mend}`)]
}
