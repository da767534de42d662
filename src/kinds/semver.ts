import { formOf } from '../lib/index.ts'

/** Semantic Versioning 2.0.0, in full; leading zeros are the registries' to refuse. */
export const semver = formOf({
  rule: 'a version in full, such as 1.4.0 or 2.0.0-rc.1',
  is: (name) =>
    name.length <= 256 &&
    /^\d+\.\d+\.\d+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/.test(
      name,
    ),
  fillers: [
    '0',
    '',
    '0.0',
    '0.0.0',
    '.0',
    '.0.0',
    '0.',
    '.0.',
    '0.0.',
    '-x',
    '0-x',
    '+x',
    '0.0-x',
    '.0-x',
    '.0.0-x',
    'x',
  ],
  mend: (pattern) => pattern.replace(/^v(?=\d)/, ''),
})
