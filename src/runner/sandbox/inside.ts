/* Names of what is made for a sandbox: where it stands inside, and in the folder of generated files. */

/** In the folder of generated files: what is mounted over what a step must not read. */
export const emptyFile = 'empty'
export const emptyFolder = 'empty-folder'
export const javaTrustFile = 'java-trust'
/** Of SSH, for every host that the step may reach. */
export const knownHostsFile = 'ssh_known_hosts'
export const knownHostsInside = '/etc/ssh/ssh_known_hosts'
/** A script that is too long for an argument. */
export const scriptFile = 'script'
export const coverFile = (index: number): string => `cover-${index}`
/** What the step writes for its supervisor to read. */
export const handedFile = (index: number): string => `handed-${index}`

/** What apt of the machine knows. */
export const aptFolder = 'apt'
/** Of a step that may nest. */
export const containersFolder = 'containers'

/** Of the tools of the step's connections, one file each. */
export const settingsFolder = 'settings'

export const settingsInside = '/run/mayfly/settings'
export const homeInside = '/home/step'
/** What it is handed of credentials; its home has links to them. */
export const credentialsInside = '/run/mayfly/credentials'
export const scriptInside = '/run/mayfly/script'
export const caInside = '/run/mayfly/ca.pem'
export const aptConfigInside = '/run/mayfly/apt.conf'
/** For containers that are built in a step. */
export const aptConfigNestedInside = '/run/mayfly/apt-nested.conf'
export const caBundleInside = '/run/mayfly/ca-bundle.pem'
