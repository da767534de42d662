import type { PipelineFile } from '../model.ts'
import { migrateWorkflow, untouched } from './github/workflow.ts'
import type { Migration, Project } from './model.ts'

/** Moves one pipeline file; what cannot be moved is told in `kept`. Nothing is written here. */
export function migrateFile(file: PipelineFile, project: Project): Migration {
  // Of a file that is not read to its end nobody knows where what stands.
  if (file.problems.length > 0)
    return {
      ...untouched(file),
      kept: file.problems.map(({ span, message }) => ({
        span,
        what: 'the file',
        why: message,
        instead: 'mend it first',
      })),
    }
  if (file.ci === 'github') return migrateWorkflow(file, project)
  return {
    ...untouched(file),
    kept: file.secrets.map(({ span, name }) => ({
      span,
      what: name,
      why: `pipelines of ${file.ci} are not rewritten yet`,
      instead:
        'docs/issuers.md says what its job needs; put the steps into a pipeline file (docs/pipelines.md)',
    })),
  }
}
