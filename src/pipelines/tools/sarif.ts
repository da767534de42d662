import { z } from 'zod'
import type { PipelineFinding, ToolName } from '../lint/finding.ts'
import type { RuleAbout, Severity } from '../lint/rule.ts'

const text = z.object({ text: z.string().optional() }).optional()
const level = z.enum(['error', 'warning', 'note', 'none'])

/** What we read of SARIF 2.1.0 (OASIS): a tool that writes something else has found nothing that we could tell. */
const log = z.object({
  runs: z.array(
    z.object({
      tool: z.object({
        driver: z.object({
          rules: z
            .array(
              z.object({
                id: z.string(),
                name: z.string().optional(),
                shortDescription: text,
                fullDescription: text,
                helpUri: z.string().optional(),
                defaultConfiguration: z.object({ level: level.optional() }).optional(),
              }),
            )
            .default([]),
        }),
      }),
      results: z
        .array(
          z.object({
            ruleId: z.string(),
            level: level.optional(),
            message: text,
            locations: z
              .array(
                z.object({
                  physicalLocation: z.object({
                    artifactLocation: z.object({ uri: z.string() }),
                    region: z
                      .object({
                        startLine: z.number().int().positive().default(1),
                        startColumn: z.number().int().positive().default(1),
                        endLine: z.number().int().positive().optional(),
                        endColumn: z.number().int().positive().optional(),
                      })
                      .default({ startLine: 1, startColumn: 1 }),
                  }),
                }),
              )
              .default([]),
          }),
        )
        .nullish()
        .transform((results) => results ?? []),
    }),
  ),
})

const maxFindings = 20_000
const maxMessageChars = 300

/** The findings of a tool's SARIF. Throws what is not SARIF. */
export function findingsOfSarif(
  tool: ToolName,
  output: string,
  placed: (uri: string) => string,
): PipelineFinding[] {
  const { runs } = log.parse(JSON.parse(output))
  return runs.flatMap(({ tool: { driver }, results }) => {
    const rules = new Map(driver.rules.map((rule) => [rule.id, rule]))
    return results.slice(0, maxFindings).flatMap(({ ruleId, level: own, message, locations: [place] }) => {
      if (place === undefined) return []
      const known = rules.get(ruleId)
      const { artifactLocation, region } = place.physicalLocation
      const title = known?.shortDescription?.text ?? known?.name ?? ruleId
      const severity = severityOf(own ?? known?.defaultConfiguration?.level)
      const rule = ruleOf(tool, ruleId, title, known?.helpUri, severity)
      return [
        {
          tool,
          rule,
          severity,
          message: lineOf(message?.text ?? title),
          fix: rule.fix,
          file: placed(artifactLocation.uri),
          line: region.startLine,
          column: region.startColumn,
          endLine: region.endLine ?? region.startLine,
          endColumn: region.endColumn ?? region.startColumn,
          others: [],
          also: [],
        },
      ]
    })
  })
}

/** What it says, on one line. */
export function lineOf(text: string): string {
  const line = text
    .slice(0, 10 * maxMessageChars)
    .replaceAll(/\s+/g, ' ')
    .trim()
  return line.length > maxMessageChars ? `${line.slice(0, maxMessageChars)}...` : line
}

function severityOf(one: z.infer<typeof level> | undefined): Severity {
  return one === undefined || one === 'none' ? 'warning' : one
}

/** Its rule, named as ours are, so that a comment can ignore it: `zizmor-artipacked`. */
export function ruleOf(
  tool: ToolName,
  id: string,
  title: string,
  help: string | undefined,
  severity: Severity,
): RuleAbout {
  const word = id
    .slice(0, 100)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return {
    id: word.startsWith(`${tool}-`) ? word : `${tool}-${word}`,
    title: lineOf(title),
    why: `${tool} says so.`,
    fix: help === undefined ? `See the documentation of ${tool}.` : `See ${help.slice(0, 200)}`,
    severity,
  }
}

/**
 * A path of the checkout as a tool writes it: as it was given, as a URI, from where the tool was started, or from the root of the
 * repository that the checkout is a folder of.
 */
export function pathOf(uri: string, root: string, known: ReadonlySet<string>): string {
  const path = decoded(uri.startsWith('file://') ? uri.slice('file://'.length) : uri).replace(/^\.\//, '')
  if (known.has(path)) return path
  const parts = path.split('/')
  // As much of the front as the checkout's own folder ends with.
  for (let i = Math.min(parts.length - 1, 100); i > 0; i--)
    if (`/${root}`.endsWith(`/${parts.slice(0, i).join('/')}`)) return parts.slice(i).join('/')
  return path
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri)
  } catch {
    return uri
  }
}
