import type { ScriptPlan } from './script-plan.ts'

const ambient = /^(?:npm|pypi|cargo|rubygems|maven):publish$|^(?:aws|gcp):call$/

/** Connections that a script writes by, and whose credentials it has from variables of the CI that no file names. */
export function ambientNeeds({ needs, moved }: Pick<ScriptPlan, 'needs' | 'moved'>): string[] {
  const had = new Set(moved.map(({ connection }) => connection))
  return [
    ...new Set(
      needs.flatMap(({ action, connection }) =>
        ambient.test(action) && !had.has(connection) ? [connection] : [],
      ),
    ),
  ]
}
