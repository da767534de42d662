import type { Data, Tellers } from './story-entry.ts'
import { list, oneLine, text } from './story-text.ts'

/** What steps did and what they left, as it is told. */
export const stepTellers: Tellers = {
  'step.started': (data) => {
    const { isolation, isolationBy, isolationLacks, command, workspace } = (data['reported'] ?? {}) as Record<
      string,
      unknown
    >
    return [
      `step "${text(data['name'])}" began as ${text(data['role'])}, isolation ${text(isolation)}${isolationBy === undefined ? '' : ` by ${text(isolationBy)}`}${isolationLacks === undefined ? '' : ` (without ${list(isolationLacks)})`}${placeText(workspace)}: ${oneLine(command)}`,
      `it could reach: ${list(data['grants'])}${(data['egress'] as unknown[] | undefined)?.length ? `; egress ${list(data['egress'])}` : ''}`,
    ]
  },
  'step.refused': (data) => [
    `REFUSED step "${text(data['name'])}" as ${text(data['role'])}: ${text(data['reason'])}: ${text(data['detail'])} (${text(data['request'])})`,
  ],
  'step.finished': (data) => [
    `step "${text(data['name'])}" ended: ${text(data['reason'])}${exitOf(data)}`,
    ...filesText('it took', reportedOf(data)['inputs']),
    ...filesText('it handed on', reportedOf(data)['artifacts']),
    ...counted('it was granted', data['granted']),
    ...counted('it was refused', data['denied']),
    ...usedText(data),
  ],
  'lockfile.pinned': (data) => [
    `its lockfile pins ${text(data['packages'])} packages (SHA-256 ${text(data['sha256']).slice(0, 16)}…)`,
  ],
}

function reportedOf(data: Data): Data {
  return (data['reported'] ?? {}) as Data
}

function placeText(workspace: unknown): string {
  const { kind } = (workspace ?? {}) as Data
  if (kind === 'fresh') return ', in a workspace of its own'
  return kind === 'shared' ? ', in a workspace that others had written to' : ''
}

const shownFiles = 5

/** The first files by name, and how many there are. */
function filesText(what: string, value: unknown): string[] {
  const { files, count, sha256 } = (value ?? {}) as Data
  if (!Array.isArray(files) || files.length === 0) return []
  const shown = (files as Data[])
    .slice(0, shownFiles)
    .map((file) => `${text(file['path'])} (SHA-256 ${text(file['sha256']).slice(0, 16)}…)`)
  const more = Number(count) - shown.length
  const rest = more > 0 ? ` and ${more} more, SHA-256 of the list ${text(sha256).slice(0, 16)}…` : ''
  return [`${what}: ${shown.join(', ')}${rest}`]
}

function exitOf(data: Data): string {
  const { exitCode } = reportedOf(data)
  return exitCode === undefined ? '' : `, exit ${text(exitCode)}`
}

/** What the runner says that it used, and left outside its workspace. */
function usedText(data: Data): string[] {
  const reported = (data['reported'] ?? {}) as Record<string, unknown>
  const { resources, left_in_memory: left, duration_ms: ms, limit } = reported
  const used = (resources ?? {}) as Record<string, unknown>
  const parts = [
    ...(typeof ms === 'number' ? [`${ms / 1000} s`] : []),
    ...(typeof used['user_ms'] === 'number'
      ? [`processor ${used['user_ms'] / 1000} s and ${Number(used['system_ms'] ?? 0) / 1000} s in the kernel`]
      : []),
    ...(typeof used['peak_memory_bytes'] === 'number'
      ? [
          `memory up to ${Math.ceil(used['peak_memory_bytes'] / 2 ** 20)} MiB${used['peak_of'] === 'process' ? ' in one process' : ''}`,
        ]
      : []),
  ]
  const folders = Array.isArray(left) ? (left as Record<string, unknown>[]) : []
  return [
    ...(limit === undefined ? [] : [`it was ended by its limit: ${text(limit)}`]),
    ...(parts.length === 0 ? [] : [`it took ${parts.join(', ')}`]),
    ...eachOf(
      reported['services'],
      (one) => `it connected to port ${text(one['port'])} of the job ${text(one['connections'])} times`,
    ),
    ...eachOf(
      reported['secrets_seen'],
      (one) => `SECRET ${text(one['name'])} was masked ${text(one['count'])} times in what it showed`,
    ),
    ...programsText(reported['programs']),
    ...folders.map(
      (one) => `it left ${text(one['files'])} files in ${text(one['folder'])}: ${list(one['names'])}`,
    ),
  ]
}

function programsText(value: unknown): string[] {
  const { seen, more } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(seen) || seen.length === 0) return []
  const names = (seen as Record<string, unknown>[]).slice(0, 8).map(({ program }) => text(program))
  const rest = seen.length - names.length + Number(more ?? 0)
  return [`seen running: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`]
}

function eachOf(value: unknown, say: (one: Record<string, unknown>) => string): string[] {
  return Array.isArray(value) ? (value as Record<string, unknown>[]).map(say) : []
}

function counted(title: string, value: unknown): string[] {
  const all = (value ?? []) as { what: string; count: number; reason?: string }[]
  const shown = all
    .slice(0, 8)
    .map(
      ({ what, count, reason }) =>
        `${title} ${what}${count > 1 ? ` (${count} times)` : ''}${reason === undefined ? '' : `: ${reason.split(';')[0]}`}`,
    )
  return all.length > 8 ? [...shown, `${title} ${all.length - 8} more`] : shown
}
