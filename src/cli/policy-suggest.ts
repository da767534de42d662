import { existsSync } from 'node:fs'
import { MayflyError } from '../lib/index.ts'
import { suggestRoles, suggestionYaml } from '../policy/index.ts'
import { exitCodes, print } from './output.ts'
import { readCompiled } from './policy-input.ts'
import { lintSuggestion } from './policy-suggest-lint.ts'
import { readDecisions } from './policy-past.ts'
import { visible } from './story.ts'

export async function suggestPolicy(options: {
  fromRun: string
  file: string
  folder?: string
  data?: string
  json: boolean
}): Promise<number> {
  const compiled = existsSync(options.file) ? readCompiled(options.file) : undefined
  const past = await readDecisions(options)
  const suggestions = suggestRoles(
    past,
    options.fromRun,
    (issuer) => compiled?.issuers.get(issuer)?.pins ?? [],
  )
  if (suggestions.length === 0)
    throw new MayflyError(
      'not_found',
      `the log has no run ${options.fromRun} that reached anything (entries are published once a second)`,
    )
  const yaml = suggestionYaml(suggestions)
  const findings = compiled === undefined ? [] : lintSuggestion(compiled, yaml)
  print(options.json, { yaml, suggestions, findings }, [
    ...yaml.trimEnd().split('\n').map(visible),
    ...findings.map(({ severity, message, fix }) => visible(`# lint ${severity}: ${message}. ${fix}`)),
  ])
  return findings.some(({ severity }) => severity === 'error') ? exitCodes.refused : exitCodes.ok
}
