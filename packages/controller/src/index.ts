export { createControl } from './create-control.js'
