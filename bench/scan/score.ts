import type { ToolFinding, ToolPlace } from './finding.ts'
import type { Label } from './labels/mark.ts'
import type { Part } from './labels/held.ts'
import type { LabelledFile } from './labels/set.ts'

/** What a tool made of one part of the set. Places are counted once, however many rules name them. */
export interface Score {
  readonly secrets: number
  readonly found: number
  /** Decoys that were reported, and lines without a label on which something was. */
  readonly wrong: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

export interface Verdicts {
  readonly missed: readonly Place[]
  readonly found: readonly Place[]
  readonly wrong: readonly Place[]
}

export interface Place {
  readonly file: string
  readonly part: Part
  readonly kind: string
  readonly line: number
  readonly text: string
  readonly rules: readonly string[]
}

const unlabelled = 'unlabelled'

/** The rules are the same ones for all: a secret is found if a finding overlaps it, a pair if a finding overlaps either half. */
export function judge(set: readonly LabelledFile[], findings: readonly ToolFinding[]): Verdicts {
  const byFile = Map.groupBy(findings, ({ file }) => file.replace(/^\.\//, ''))
  const verdicts = { missed: [] as Place[], found: [] as Place[], wrong: [] as Place[] }
  for (const file of set) {
    const hits = new Map<string, { place: Place; truth: string }>()
    for (const finding of byFile.get(file.path) ?? [])
      for (const { label, line } of overlapped(file, finding)) {
        const key = label === undefined ? `line ${line}` : `label ${label.start}`
        const rules = [...(hits.get(key)?.place.rules ?? []), finding.rule]
        hits.set(key, { place: placeOf(file, label, line, rules), truth: label?.truth ?? unlabelled })
      }
    for (const label of file.labels.filter(({ truth }) => truth === 'secret')) {
      const hit = hits.get(`label ${label.start}`)
      if (hit === undefined) verdicts.missed.push(placeOf(file, label, label.line, []))
      else verdicts.found.push(hit.place)
    }
    for (const { place, truth } of hits.values())
      if (truth === 'decoy' || truth === unlabelled) verdicts.wrong.push(place)
  }
  return verdicts
}

export function scoreOf(verdicts: Verdicts, part: Part): Score {
  const count = (places: readonly Place[]) => places.filter((place) => place.part === part).length
  const [found, missed, wrong] = [count(verdicts.found), count(verdicts.missed), count(verdicts.wrong)]
  const precision = found + wrong === 0 ? 0 : found / (found + wrong)
  const recall = found / (found + missed)
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { secrets: found + missed, found, wrong, precision, recall, f1 }
}

function placeOf(
  file: LabelledFile,
  label: Label | undefined,
  line: number,
  rules: readonly string[],
): Place {
  const text = label?.text ?? file.text.split('\n')[line - 1]?.trim() ?? ''
  return { file: file.path, part: file.part, kind: label?.kind ?? unlabelled, line, text, rules }
}

/** The labels that a finding is about: secrets if there is one among them, else what it took for one. */
function overlapped(file: LabelledFile, finding: ToolFinding): { label?: Label; line: number }[] {
  const hit = finding.places.flatMap((place) => labelsAt(file, place))
  const secrets = hit.flatMap((label) => secretOf(file, label))
  if (secrets.length > 0) return secrets.map((label) => ({ label, line: label.line }))
  const decoys = hit.filter(({ truth }) => truth === 'decoy')
  if (decoys.length > 0) return decoys.map((label) => ({ label, line: label.line }))
  return hit.length > 0 ? [] : finding.places.slice(0, 1).map(({ line }) => ({ line }))
}

function secretOf(file: LabelledFile, label: Label): Label[] {
  if (label.truth === 'secret') return [label]
  if (label.truth !== 'id') return []
  return file.labels.filter(({ truth, kind }) => truth === 'secret' && kind === label.kind)
}

/** A value that does not stand in the file as it was reported had been decoded: then all of its lines are meant. */
function labelsAt(file: LabelledFile, place: ToolPlace): Label[] {
  const near = file.labels.filter(({ line, endLine }) => line <= place.endLine && endLine >= place.line)
  const spans = spansOf(file, place)
  return spans.length === 0
    ? near
    : near.filter((label) => spans.some(({ start, end }) => start < label.end && end > label.start))
}

function spansOf(file: LabelledFile, place: ToolPlace): { start: number; end: number }[] {
  const starts = [0, ...[...file.text.matchAll(/\n/g)].map(({ index }) => index + 1)]
  const from = starts[place.line - 1] ?? 0
  if (place.column !== undefined && place.endColumn !== undefined)
    return [{ start: from + place.column, end: (starts[place.endLine - 1] ?? 0) + place.endColumn }]
  const value = place.secret ?? ''
  const to = starts[place.endLine] ?? file.text.length
  const spans: { start: number; end: number }[] = []
  if (value === '') return spans
  for (let at = file.text.indexOf(value, from); at !== -1 && at < to; at = file.text.indexOf(value, at + 1))
    spans.push({ start: at, end: at + value.length })
  return spans
}
