import { createHash } from 'node:crypto'
import { messageOf } from '../../lib/index.ts'
import { compileRules, keywordsOfPattern, outlineOf, type Outline, type Rule } from '../engine/index.ts'
import { seededRandom } from '../rules/index.ts'
import { onlyGroup } from './only-group.ts'
import type { GitleaksRule } from './gitleaks-schema.ts'

type Read =
  | { readonly rule: Rule; readonly warnings: readonly string[] }
  | { readonly warnings: readonly string[] }

/** As far around its keyword as the pattern may be held, the farthest that it can be is taken. */
const reaches = [4_096, 1_024, 256]
const samples = 40

const longestId = 80

/**
 * Ours and gitleaks' rules may have the same id, and stand side by side. One that is not of our form (`Acme.Token`) gets a digest of itself: without
 * it `acme.token` would be the same rule as `acme-token`, and one of them would not be asked.
 */
export function gitleaksRuleId(id: string): string {
  if (/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id) && id.length <= longestId) return `gitleaks-${id}`
  const words = id.toLowerCase().match(/[a-z0-9]+/g) ?? []
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 8)
  return ['gitleaks', words.join('-').slice(0, longestId).replace(/-$/, ''), digest]
    .filter((part) => part !== '')
    .join('-')
}

/** A rule that finds a text made from its own pattern; or why there is none. */
export function ruleOfGitleaks(entry: GitleaksRule): Read {
  const { regex, path, secretGroup = 0 } = entry
  if (regex === undefined)
    return left(
      path === undefined
        ? 'it has no regex, so it changes a rule of gitleaks’ own, which is not here'
        : 'it has only a path: that a file has a name is no finding here',
    )
  try {
    const pattern = secretGroup === 0 ? regex : onlyGroup(regex, secretGroup)
    if (pattern === undefined) return left(`its secretGroup ${secretGroup} is not in its regex`)
    return withKeywords(entry, pattern)
  } catch (error) {
    return left(messageOf(error).replace(/^rule \S+ /, ''))
  }
}

function left(why: string): Read {
  return { warnings: [`left out: ${why}`] }
}

function withKeywords(entry: GitleaksRule, pattern: string): Read {
  const outline = outlineOf(pattern)
  const isOfPattern = outline.words.length > 0
  const keywords = isOfPattern
    ? outline.words
    : keywordsOfPattern(
        pattern,
        (entry.keywords ?? []).filter((word) => /^[\x20-\x7e]{3,64}$/.test(word)),
      )
  if (keywords.length === 0)
    return left('no word of three letters stands in all that its regex finds, and none of its keywords does')
  const base = baseOf(entry, pattern, keywords)
  for (const reach of reaches) {
    const rule = { ...base, reach }
    if (refusal([rule]) !== undefined) continue
    const positive = sampleOf(rule, outline)
    if (positive === undefined) return left('no text could be made from its regex that it finds')
    const warnings = isOfPattern ? [] : [`it is looked for only where it has ${keywords.join(', ')}`]
    return { rule: { ...rule, examples: { positive: [positive], negative: ['nothing'] } }, warnings }
  }
  return left(refusal([{ ...base, reach: 256 }]) ?? '')
}

function baseOf(entry: GitleaksRule, pattern: string, keywords: readonly string[]): Rule {
  const { id, description, entropy, path } = entry
  return {
    ...{ id: gitleaksRuleId(id), title: description?.trim() || id, vendor: 'the vendor', source: '' },
    ...{ keywords, pattern, confidence: 'likely', examples: { positive: [], negative: [] } },
    ...(entropy === undefined || entropy === 0 ? {} : { entropy }),
    ...(path === undefined ? {} : { path }),
  }
}

function refusal(rules: readonly Rule[]): string | undefined {
  try {
    compileRules(rules)
    return undefined
  } catch (error) {
    return messageOf(error).replace(/^rule \S+ /, '')
  }
}

/** A template: a brace is written twice. */
function sampleOf(rule: Rule, outline: Outline): string | undefined {
  const engine = compileRules([rule])
  const random = seededRandom(1)
  for (let time = 0; time < samples; time++) {
    const text = outline.sample(random)
    for (const core of [text, withWord(text, rule.keywords, random)])
      for (const around of ['', '\n', ' ']) {
        const bytes = Buffer.concat([Buffer.from(around), core, Buffer.from(around)])
        let isFound = false
        engine.find(bytes, () => (isFound = true))
        if (isFound) return bytes.toString('latin1').replaceAll('{', '{{')
      }
  }
  return undefined
}

/** Where a class may be a keyword as well, chance does not write it. */
function withWord(text: Buffer, words: readonly string[], random: () => number): Buffer {
  const word = words[Math.floor(random() * words.length)] ?? ''
  const spelled = Buffer.from(text)
  spelled.write(word, Math.floor(random() * Math.max(1, text.length - word.length + 1)), 'latin1')
  return spelled
}
