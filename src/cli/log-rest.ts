import type { AuditOptions } from './audit-source.ts'
import { endsCalled, loggedEnds, type LoggedEnd } from './log-attest.ts'

/** The server's list, see src/server/run-logs.ts. */
export interface RunLogs {
  readonly run: string
  readonly open: boolean
  readonly steps: readonly StepOfRun[]
}

export interface StepOfRun {
  readonly step: string
  readonly name: string
  readonly role: string
  readonly started: string
  readonly ended: string | null
  readonly growing: boolean
  readonly log: {
    readonly state: 'open' | 'sealed' | 'removed'
    readonly removed?: string
    readonly why?: string
  } | null
}

interface Asked extends AuditOptions {
  readonly step?: string
  readonly follow: boolean
}

/**
 * Steps that the audit log knows of and the server does not show, a line each: those that have written nothing, of which the server
 * keeps nothing; and those whose log is withheld, since the server does not say either that it removed it.
 */
export async function restOf(
  { run, steps }: RunLogs,
  attested: boolean,
  options: Asked,
): Promise<{ readonly withheld: string[]; readonly silent: string[] }> {
  if (!attested || options.step !== undefined) return { withheld: [], silent: [] }
  const shown = new Set(steps.filter(({ log, growing }) => log !== null || growing).map(({ step }) => step))
  const told = new Set(steps.map(({ step }) => step))
  const rest = [...(await loggedEnds(options, run))].filter(([step]) => !shown.has(step))
  return {
    withheld: rest.flatMap(([step, { index, kept }]) =>
      kept === undefined
        ? []
        : `step ${step}: THE SERVER DOES NOT SHOW ITS LOG: entry ${index} of the audit log has the digest of ${kept.bytes} bytes`,
    ),
    silent: rest.flatMap(([step, end]) =>
      end.kept !== undefined || told.has(step) ? [] : silentLine(step, end),
    ),
  }
}

/** Of the steps asked for by name, if the server knows none of them: it keeps nothing of steps that have written nothing. */
export async function silentLines(
  { run, open, steps }: RunLogs,
  attested: boolean,
  options: Asked,
): Promise<string[]> {
  const { step: called, follow } = options
  if (called === undefined || !attested || (follow && open)) return []
  if (steps.some(({ name, step }) => name === called || step === called)) return []
  const ends = [...(await endsCalled(options, run, called))].filter(([, { kept }]) => kept === undefined)
  return ends.map(([step, end]) => silentLine(step, end))
}

function silentLine(step: string, { index, name, made }: LoggedEnd): string {
  const what = made === undefined || made.bytes === 0 ? 'it wrote nothing' : 'nothing of its log is kept'
  return `step "${name}" (${step}): ${what}, by entry ${index} of the audit log`
}
