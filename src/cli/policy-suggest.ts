import { existsSync } from 'node:fs'
import { noSuch } from '../lib/index.ts'
import { draftPolicy, suggestRoles, suggestionYaml, type Past } from '../policy/index.ts'
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
  if (suggestions.length === 0)
    throw noSuch('run that reached anything, in the log, called', options.fromRun, runsOf(past))
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
