import type { PipelineFile, SecretReference } from '../../model.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import { within } from '../lines.ts'
import type { Kept, Migration, Project } from '../model.ts'
import { pinEdits } from '../pins.ts'
import { distinctNames } from '../role.ts'
import { nameOfRole } from '../scripts/role-names.ts'
import { besidesOf, isTakenFromElsewhere } from './beside.ts'
import { migrateUnit, type UnitMigration } from './migrate-unit.ts'
import { topLevelOf, type TopLevel } from './top-level.ts'
import { unitsOf } from './unit.ts'

/** Moves one file of GitLab's. */
export function migrateGitlab(file: PipelineFile, project: Project): Migration {
  // Documents before the last one are headers (`spec`).
  const view = readYamlFile(file.text).views.at(-1)
  const none: Migration = { file, edits: [], roles: [], moved: [], kept: [], unpinned: [], notes: [] }
  if (view === undefined || file.role === 'action') return none
  const root = topLevelOf(view)
  const beside = besidesOf(project.beside ?? [])
  const units = unitsOf(root, file)
  const names = distinctNames(
    units.map(({ home }) => ({ key: home, name: nameOfRole(file, home) })),
    project.taken,
  )
  const done = units.map((unit) =>
    migrateUnit(file, root, unit, units, beside, project, names.get(unit.home) ?? ''),
  )
  const kept = sorted([...done.flatMap((one) => one.kept), ...elsewhere(file, root, done)])
  const roles = done.flatMap((one) => one.roles)
  if (roles.length === 0) return { ...none, kept }
  return {
    file,
    edits: done.flatMap((one) => one.edits),
    roles,
    moved: done.flatMap((one) => one.moved),
    kept,
    unpinned: pinEdits(file, new Map(), () => false).unpinned,
    notes: [
      ...new Set([
        ...done.flatMap((one) => one.notes),
        ...notesOf(isTakenFromElsewhere(file, project.beside ?? [])),
      ]),
    ],
  }
}

/** Secrets that no job with a script of its own has. */
function elsewhere(file: PipelineFile, root: TopLevel, done: readonly UnitMigration[]): Kept[] {
  const seen = done.flatMap(({ seen: own }) => own)
  const isSeen = (one: SecretReference) => seen.some(({ span }) => span.start === one.span.start)
  const variables = root.get('variables').span
  return file.secrets
    .filter((one) => !isSeen(one) && one.name !== 'CI_JOB_TOKEN')
    .map(({ span, name }) => ({
      span,
      what: name,
      ...(within(span, variables)
        ? {
            why: 'every job of the file has it among its variables',
            instead: 'give it to the jobs that need it',
          }
        : {
            why: 'it stands where no job has a script of its own (an include, a template, an anchor, a trigger)',
          }),
    }))
}

function sorted(kept: readonly Kept[]): Kept[] {
  return kept.toSorted((one, other) => one.span.start - other.span.start)
}

function notesOf(isMore: boolean): string[] {
  return [
    'a runner that starts containers (executor docker) must let a job make a sandbox, and its image must have Mayfly: docs/ci.md, Isolation',
    ...(isMore
      ? ['what included files put in front of the jobs of this one (before_script) is not seen here']
      : []),
  ]
}
