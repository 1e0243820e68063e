/** Another module. */
export const named = "named";
export default "other";
