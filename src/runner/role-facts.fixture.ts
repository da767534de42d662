import type { RoleFacts } from './session-facts.ts'

/** What a server says of a role that was written without more than its grants. */
export function roleOf(name: string, more: Partial<RoleFacts> = {}): RoleFacts {
  return {
    name,
    writes: false,
    ttl_seconds: 900,
    isolation: 'namespace',
    allow: [],
    services: [],
    limits: {
      memory_bytes: 2 ** 34,
      processes: 4_096,
      disk_bytes: 50 * 2 ** 30,
      open_files: 65_536,
      output_bytes: 2 ** 30,
    },
    ...more,
  }
}
