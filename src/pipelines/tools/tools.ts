import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../lib/index.ts'
import type { PipelineFinding, ToolName } from '../lint/finding.ts'
import type { PipelineFile } from '../model.ts'
import { findProgram, runProgram } from './program.ts'
import { findingsOfSarif, lineOf, pathOf, ruleOf } from './sarif.ts'

/** What came of a tool: it ran, it is not installed, or it has nothing to read here. */
export type ToolRun =
  | { readonly tool: ToolName; readonly state: 'ran'; readonly findings: readonly PipelineFinding[] }
  | { readonly tool: ToolName; readonly state: 'failed'; readonly why: string }
  | { readonly tool: ToolName; readonly state: 'missing' | 'idle' }

interface Tool {
  readonly name: Exclude<ToolName, 'mayfly'>
  /** Its arguments; undefined if there is nothing that it reads. */
  readonly args: (root: string, files: readonly PipelineFile[]) => readonly string[] | undefined
  readonly findings: (output: string, placed: (path: string) => string) => PipelineFinding[]
}

const isWorkflow = ({ ci, role }: PipelineFile) => ci === 'github' && role !== 'action'

const tools: readonly Tool[] = [
  {
    name: 'zizmor',
    args: (root, files) =>
      files.some(({ ci }) => ci === 'github')
        ? ['--offline', '--format', 'sarif', '--no-progress', '--no-exit-codes', '--quiet', root]
        : undefined,
    findings: (output, placed) => findingsOfSarif('zizmor', output, placed),
  },
  {
    name: 'actionlint',
    args: (root, files) => {
      const paths = files.filter(isWorkflow).map(({ path }) => join(root, path))
      return paths.length === 0 ? undefined : ['-no-color', '-format', '{{json .}}', ...paths]
    },
    findings: findingsOfActionlint,
  },
  {
    name: 'poutine',
    args: (root, files) =>
      files.some(({ ci }) => ci === 'github' || ci === 'gitlab' || ci === 'azure')
        ? ['analyze_local', root, '--format', 'sarif', '--quiet']
        : undefined,
    findings: (output, placed) => findingsOfSarif('poutine', output, placed),
  },
]

/** Runs those that are installed on `path`, at once, offline. One that fails has found nothing, and that is said. */
export function runTools(folder: string, files: readonly PipelineFile[], path: string): Promise<ToolRun[]> {
  const root = realpathSync(folder)
  const known = new Set(files.map((file) => file.path))
  const placed = (uri: string) => pathOf(uri, root, known)
  return Promise.all(
    tools.map(async ({ name: tool, args, findings }): Promise<ToolRun> => {
      const given = args(root, files)
      if (given === undefined) return { tool, state: 'idle' }
      const program = findProgram(tool, path, root)
      if (program === undefined) return { tool, state: 'missing' }
      const ran = await runProgram(program, given, { path })
      if (!ran.ok) return { tool, state: 'failed', why: ran.why }
      try {
        return { tool, state: 'ran', findings: findings(ran.output, placed) }
      } catch (error) {
        return {
          tool,
          state: 'failed',
          why: `what it says cannot be read: ${messageOf(error).slice(0, 200)}`,
        }
      }
    }),
  )
}

const complaints = z
  .array(
    z.object({
      message: z.string(),
      filepath: z.string(),
      line: z.number().int().default(1),
      column: z.number().int().default(1),
      end_column: z.number().int().optional(),
      kind: z.string(),
    }),
  )
  .nullable()

/** `-format '{{json .}}'`: https://github.com/rhysd/actionlint/blob/main/docs/usage.md#format-error-messages */
function findingsOfActionlint(output: string, placed: (path: string) => string): PipelineFinding[] {
  return (complaints.parse(JSON.parse(output)) ?? []).map(
    ({ message, filepath, line, column, end_column, kind }) => {
      const severity = kind === 'syntax-check' || kind === 'expression' ? 'error' : 'warning'
      const rule = ruleOf(
        'actionlint',
        kind,
        `actionlint: ${kind}`,
        'https://github.com/rhysd/actionlint/blob/main/docs/checks.md',
        severity,
      )
      const start = { line: Math.max(line, 1), column: Math.max(column, 1) }
      return {
        tool: 'actionlint',
        rule,
        severity,
        message: lineOf(message),
        fix: rule.fix,
        file: placed(filepath),
        ...start,
        endLine: start.line,
        endColumn: Math.max(end_column ?? start.column, start.column),
        others: [],
        also: [],
      }
    },
  )
}
