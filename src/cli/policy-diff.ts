import { systemClock } from '../lib/index.ts'
import { replay, type Change } from '../policy/index.ts'
import { exitCodes, print } from './output.ts'
import { readCompiled, spanSeconds } from './policy-input.ts'
import { readDecisions } from './policy-past.ts'
import { visible } from './story.ts'

export async function diffPolicy(
  path: string,
  options: { againstHistory: string; base?: string; folder?: string; data?: string; json: boolean },
): Promise<number> {
  const sinceMs = systemClock.nowMs() - spanSeconds(options.againstHistory) * 1000
  const next = readCompiled(path)
  const base = options.base === undefined ? undefined : readCompiled(options.base)
  const past = await readDecisions(options, sinceMs)
  const result = replay(past, next.policy, base?.policy)
  const of = (change: Change['change']) => result.changes.filter((one) => one.change === change)
  const summary = [
    `${result.replayed} decisions of the last ${options.againstHistory} replayed: ${of('newly_denied').length} kinds newly denied, ${of('newly_allowed').length} newly allowed`,
    ...(result.undecided === 0
      ? []
      : [`${result.undecided} could not be replayed: the log does not hold enough of them`]),
  ]
  const lines = [...of('newly_denied'), ...of('newly_allowed')].map(changeLine).map(visible)
  print(options.json, result, [...lines, ...summary])
  return result.changes.length === 0 ? exitCodes.ok : exitCodes.refused
}

function changeLine({ change, role, what, who, why, count, last }: Change): string {
  const sign = change === 'newly_denied' ? '-' : '+'
  const asked = what === 'assume' ? `assume ${role}` : `${what} as ${role}`
  return `${sign} ${asked}, ${who}: ${why} (${count} times, last ${last})`
}
