import { existsSync } from 'node:fs'
import { MayflyError, noSuch } from '../lib/index.ts'
import { describeOperation, draftPolicy, suggestRoles, suggestionYaml, type Past } from '../policy/index.ts'
import { exitCodes, print } from './output.ts'
import { readCompiled } from './policy-input.ts'
import { lintSuggestion } from './policy-suggest-lint.ts'
import { readDecisionsWith } from './policy-past.ts'
import { visible } from './story.ts'

export async function suggestPolicy(options: {
  fromRun: string
  withRefused: boolean
  file: string
  folder?: string
  data?: string
  json: boolean
}): Promise<number> {
  const compiled = existsSync(options.file) ? readCompiled(options.file) : undefined
  // A part of what a run reached would be too little to be granted: its end tells that all of it is published.
  const past = await readDecisionsWith(
    options,
    ({ type, run }) => type === 'run.finished' && run === options.fromRun,
  )
  const roles =
    compiled === undefined ? [] : draftPolicy(compiled.document, compiled.locate, compiled.issuers).roles
  const suggestions = suggestRoles(
    past,
    options.fromRun,
    (issuer) => compiled?.issuers.get(issuer)?.pins ?? [],
    (role) => roles.find(({ name }) => name === role)?.grants ?? [],
    options.withRefused,
  )
  if (suggestions.length === 0) throw nothingToSuggest(past, options.fromRun)
  const yaml = suggestionYaml(suggestions)
  const findings = compiled === undefined ? [] : lintSuggestion(compiled, yaml)
  print(options.json, { yaml, suggestions, findings }, [
    ...yaml.trimEnd().split('\n').map(visible),
    ...findings.map(({ severity, message, fix }) => visible(`# lint ${severity}: ${message}. ${fix}`)),
  ])
  return findings.some(({ severity }) => severity === 'error') ? exitCodes.refused : exitCodes.ok
}

/** The newest ones: for "did you mean". */
function runsOf(past: readonly Past[]): Set<string> {
  return new Set(past.slice(-20_000).flatMap(({ run }) => run ?? []))
}

/** Why of a run nothing is suggested, and what to do. */
export function nothingToSuggest(past: readonly Past[], run: string): MayflyError {
  const ofRun = past.filter((one) => one.run === run)
  if (ofRun.length === 0) return noSuch('run, in the log, called', run, runsOf(past))
  const refused = new Set(
    ofRun.flatMap((one) =>
      one.kind === 'operations' && !one.allowed ? one.operations.map(describeOperation) : [],
    ),
  )
  const why =
    refused.size === 0
      ? 'reached nothing'
      : `reached nothing, and was refused ${[...refused].slice(0, mostNamed).join(', ')}${refused.size > mostNamed ? ', ...' : ''}`
  return new MayflyError(
    'not_found',
    `the run ${run} ${why}: a grant is suggested only of what was reached, or, with --with-refused, of what was refused on a connection that its role has; add what it should have to the role by hand`,
  )
}

const mostNamed = 10
