import { configError } from '../../config/index.ts'
import { shownReason } from '../../scan/findings/index.ts'
import { mergeRules, readGitleaksConfig, readRuleFile, type RuleSet } from '../../scan/rule-files/index.ts'
import { builtInRules } from '../../scan/rules/index.ts'
import { readText } from '../text-file.ts'
import type { FileRules } from './options.ts'

export function readRuleFiles(
  own: { readonly file: string; readonly isFound: boolean } | undefined,
  gitleaks: readonly string[],
  nowMs: number,
): FileRules {
  const sets = [
    ...(own === undefined ? [] : [ownRules(own.file, own.isFound)]),
    ...gitleaks.map((file) => readGitleaksConfig(readText(file), file)),
  ]
  const merged = mergeRules(sets)
  return {
    ...merged,
    mayBeUnseen: sets.flatMap(({ unseen }) => unseen.flatMap(({ paths }) => paths)),
    warnings: [
      ...sets.flatMap(({ warnings }) => warnings),
      ...merged.warnings,
      ...ended(merged.allow, nowMs),
    ],
  }
}

/** Findings that such an entry accepted fail now, and whoever reads that should know why. */
function ended(allow: RuleSet['allow'], nowMs: number): string[] {
  return allow.flatMap(({ reason, untilMs }) =>
    untilMs === undefined || nowMs < untilMs
      ? []
      : [
          `an entry of the allow list counts no more, its last day was ${new Date(untilMs - 1).toISOString().slice(0, 10)}: ${shownReason(reason)}`,
        ],
  )
}

function ownRules(file: string, isFound: boolean): RuleSet {
  const read = readRuleFile(readText(file, { isFound }), file, new Set(builtInRules.map(({ id }) => id)))
  if (!read.ok) throw configError(read.problems)
  return read.value
}
