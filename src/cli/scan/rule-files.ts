import { configError } from '../../config/index.ts'
import { mergeRules, readGitleaksConfig, readRuleFile, type RuleSet } from '../../scan/rule-files/index.ts'
import { builtInRules } from '../../scan/rules/index.ts'
import { readText } from '../text-file.ts'
import type { FileRules } from './options.ts'

export function readRuleFiles(
  own: { readonly file: string; readonly isFound: boolean } | undefined,
  gitleaks: readonly string[],
): FileRules {
  const sets = [
    ...(own === undefined ? [] : [ownRules(own.file, own.isFound)]),
    ...gitleaks.map((file) => readGitleaksConfig(readText(file), file)),
  ]
  const merged = mergeRules(sets)
  return {
    ...merged,
    mayBeUnseen: sets.flatMap(({ unseen }) => unseen.flatMap(({ paths }) => paths)),
    warnings: [...sets.flatMap(({ warnings }) => warnings), ...merged.warnings],
  }
}

function ownRules(file: string, isFound: boolean): RuleSet {
  const read = readRuleFile(readText(file, { isFound }), file, new Set(builtInRules.map(({ id }) => id)))
  if (!read.ok) throw configError(read.problems)
  return read.value
}
