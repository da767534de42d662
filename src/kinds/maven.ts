import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

const coordinates = formOf({
  rule: 'GROUP:ARTIFACT, such as com.example:app',
  is: (name) =>
    name === '' ||
    (name.length <= 512 && /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*:(?!\.)[A-Za-z0-9_.-]+$/.test(name)),
  fillers: ['x', '', ':', 'x:', ':x', 'x:x'],
  mend: (pattern) => pattern.replace(/^([^:/]+)\/([^:/]+)$/, '$1:$2'),
})

const version = formOf({
  rule: 'a version in full, such as 1.4.0 or 2.0-SNAPSHOT',
  is: (name) => name.length <= 256 && /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name),
  fillers: ['x', ''],
})

export const maven = {
  about:
    'A Maven repository; steps build with what gradle/verification-metadata.xml pins, or, where granted, with what it has.',
  transport: 'http',
  ecosystem: 'maven',
  hosts: ['storage'],
  path: { form: coordinates, noun: 'artifact', example: 'com.example:app' },
  ref: { form: version, noun: 'version', example: '1.*' },
  credentials: ['basic', 'bearer', 'header', 'gitlab-token', 'http-issuer'],
  actions: {
    'maven:download': { path: 'optional', ref: 'optional', write: false },
    // What nothing pins, Maven's own builds among it: what a file was when it was seen first it has to stay.
    'maven:resolve': { path: 'optional', ref: 'optional', write: false, includes: ['maven:download'] },
    // Adds versions; never a file that is there.
    'maven:publish': { path: 'required', ref: 'required', write: true, brings: 'artifact' },
  },
  lockfiles: ['gradle/verification-metadata.xml'],
} as const satisfies Kind
