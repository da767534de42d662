import { statSync } from 'node:fs'
import type { Rule } from '../../scan/engine/index.ts'
import type { FileRules, ScanOptions } from './options.ts'

/** Of the folder that the command runs in, whose paths a report has. */
const usualFile = '.mayfly/scan.yaml'

/** Throws `config_invalid` and `bad_input`. Without a file nothing is loaded that reads one: it would take longer than most scans. */
export async function readRules(options: ScanOptions): Promise<FileRules> {
  const { rules, gitleaksConfig = [], gitleaksAllow = false } = options
  const isFound = rules === undefined && statSync(usualFile, { throwIfNoEntry: false }) !== undefined
  const own =
    typeof rules === 'string' ? { file: rules, isFound } : isFound ? { file: usualFile, isFound } : undefined
  if (own === undefined && gitleaksConfig.length === 0)
    return { rules: [], without: [], allow: [], gitleaksAllow, mayBeUnseen: [], warnings: [] }
  const read = (await import('./rule-files.ts')).readRuleFiles(own, gitleaksConfig, Date.now())
  return { ...read, gitleaksAllow: read.gitleaksAllow || gitleaksAllow }
}

/** Loaded when there is something to say of one: the threads have them by themselves. */
export async function rulesOf({ without, rules }: FileRules): Promise<Rule[]> {
  const { builtInRules } = await import('../../scan/rules/index.ts')
  const kept = without === 'all' ? [] : builtInRules.filter(({ id }) => !without.includes(id))
  return [...kept, ...rules]
}
